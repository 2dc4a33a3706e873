// OSU's texts: what the title says, and what must not be guessed.
#include "calibrate/import/osu.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::parse_osu;

const calibrate::ImportOptions kFour{.ranks = 4, .nodes = {}, .collective = ""};

const std::string kOld =
    "\n# OSU MPI All-to-Allv Personalized Exchange Latency Test v5.3\n"
    "# Size       Avg Latency(us)\n"
    "1024                   59.10\n"
    "4096                  215.60\n";
const std::string kNew =
    "\n# OSU MPI All-to-All Personalized Exchange Latency Test v7.5\n"
    "# Datatype: MPI_CHAR.\n"
    "# Size       Avg Latency(us)   Min Latency(us)   Max Latency(us)  Iterations  P50 Tail "
    "Lat(us)  P90 Tail Lat(us)  P99 Tail Lat(us)\n"
    "1024                   59.10             55.00             63.20        1000             58.00"
    "             66.00             71.00\n";

void refused(const std::string& content, const std::string& code, const std::string& part) {
  tests::expect_input_error([&] { parse_osu(content, "osu.txt", kFour); }, code, "osu.txt", part);
}

TEST(Osu, SizesArePerPairOfRanks) {
  const auto file = parse_osu(kOld, "osu.txt", kFour);
  ASSERT_EQ(file.collectives.size(), 2u);
  const models::CollectiveSample& row = file.collectives[0];
  EXPECT_EQ(row.collective, models::Collective::all_to_all);
  EXPECT_DOUBLE_EQ(row.bytes, 4.0 * 1024.0);  // to each of 4 ranks
  EXPECT_DOUBLE_EQ(row.origin.seconds, 59.10e-6);
  EXPECT_EQ(row.ranks, 4);
  EXPECT_EQ(row.origin.kernel_source, "osu_mpi_alltoallv") << "another algorithm than alltoall";
  ASSERT_EQ(file.notes.size(), 1u);  // two columns only: no maximum over ranks
}

TEST(Osu, TheSlowestRankEndsTheCollective) {
  const auto file = parse_osu(kNew, "osu.txt", kFour);
  EXPECT_DOUBLE_EQ(file.collectives.at(0).origin.seconds, 63.20e-6);
  EXPECT_EQ(file.collectives[0].origin.kernel_source, "osu_mpi");
  EXPECT_TRUE(file.notes.empty());
}

TEST(Osu, SumsAndGathersCountTheWholeVector) {
  const auto of = [](const std::string& title) {
    return parse_osu(
               "# OSU MPI " + title + " Latency Test v5.3\n# Size  Avg Latency(us)\n8192 10\n",
               "osu.txt", kFour)
        .collectives.at(0);
  };
  EXPECT_DOUBLE_EQ(of("Allreduce").bytes, 8192.0);
  EXPECT_EQ(of("Allreduce").origin.precision, models::Precision::fp32);
  EXPECT_DOUBLE_EQ(of("Allgather").bytes, 4.0 * 8192.0);
  EXPECT_DOUBLE_EQ(of("Reduce_scatter").bytes, 8192.0);
}

TEST(Osu, AsksForTheRanks) {
  tests::expect_input_error([] { parse_osu(kOld, "osu.txt", {}); }, "E_MISSING", "osu.txt",
                            "--ranks");
}

TEST(Osu, PassesOverMessagesAndSaysSo) {
  const auto file =
      parse_osu("plm:rsh: Warning: setpgid(1,2) failed in parent\n" + kNew, "osu.txt", kFour);
  ASSERT_EQ(file.notes.size(), 1u);
  EXPECT_NE(file.notes[0].find("line 1: plm:rsh"), std::string::npos);
}

TEST(Osu, RefusesWhatItCannotKnow) {
  refused(kOld + "8192 nan\n", "E_TYPE", "osu.txt:6");
  refused(kOld + "8192 ****\n", "E_TYPE", "8192 ****");
  refused(kOld + "8192\n", "E_VALUE", "cut off");
  refused(kOld + "8192 100 [node0] warning\n", "E_VALUE", "4 cells");
  refused(kOld + "2048 100\n", "E_VALUE", "two runs");
  refused(kOld + kNew, "E_VALUE", "second title");
  refused("# OSU MPI Latency Test v5.3\n# Size  Latency (us)\n8 1\n", "E_VALUE", "no law");
  refused("# OSU MPI Allreduce Latency Test\n# Size  Avg Latency(ms)\n8 1\n", "E_UNIT", "(us)");
  refused("# OSU MPI Allreduce Latency Test v5.3\n# Size  Avg Latency(us)\n", "E_VALUE", "no row");
}

}  // namespace
}  // namespace moeplan
