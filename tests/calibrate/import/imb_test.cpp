// Intel MPI Benchmarks: sections, ranks and units.
#include "calibrate/import/imb.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::parse_imb;

std::string section(const std::string& name, int ranks, const std::string& rows) {
  return "#----------------------------------------------------------------\n# Benchmarking " +
         name + "\n# #processes = " + std::to_string(ranks) +
         "\n#----------------------------------------------------------------\n"
         "       #bytes #repetitions  t_min[usec]  t_max[usec]  t_avg[usec]\n" +
         rows;
}

const std::string kRows =
    "            0         1000         0.03         0.05         0.04\n"
    "         1024         1000        55.00        63.20        59.10\n";

void refused(const std::string& content, const std::string& code, const std::string& part) {
  tests::expect_input_error([&] { parse_imb(content, "imb.txt", {}); }, code, "imb.txt", part);
}

TEST(Imb, ReadsRanksFromTheSectionAndBytesPerPair) {
  const auto file = parse_imb(section("Alltoall", 4, kRows), "imb.txt", {});
  ASSERT_EQ(file.collectives.size(), 1u) << "no bytes, no message";
  const models::CollectiveSample& row = file.collectives[0];
  EXPECT_EQ(row.ranks, 4);
  EXPECT_DOUBLE_EQ(row.bytes, 4.0 * 1024.0);
  EXPECT_DOUBLE_EQ(row.origin.seconds, 63.20e-6) << "the slowest rank";
}

TEST(Imb, AllreducePrintsTheWholeVector) {
  EXPECT_DOUBLE_EQ(parse_imb(section("Allreduce", 4, kRows), "imb.txt", {}).collectives.at(0).bytes,
                   1024.0);
}

TEST(Imb, CountsSectionsWithoutALaw) {
  const auto file =
      parse_imb(section("Bcast", 4, kRows) + section("Alltoallv", 4, kRows), "imb.txt", {});
  ASSERT_EQ(file.collectives.size(), 1u);
  EXPECT_EQ(file.collectives[0].origin.kernel_source, "imb_mpi_Alltoallv");
  EXPECT_EQ(file.notes.at(0), "2 rows of Bcast left out: no law describes it");
}

TEST(Imb, TwoNumbersOfRanksNeedAChoice) {
  const std::string both = section("Alltoall", 2, kRows) + section("Alltoall", 4, kRows);
  refused(both, "E_VALUE", "two numbers of ranks in one file, 2 and 4");
  calibrate::ImportOptions options;
  options.ranks = 4;
  const auto file = parse_imb(both, "imb.txt", options);
  ASSERT_EQ(file.collectives.size(), 1u);
  EXPECT_EQ(file.collectives[0].ranks, 4);
}

TEST(Imb, RefusesRowsThatAreCutOffOrSpoilt) {
  refused(section("Alltoall", 4, kRows + "2048 1000 60.1\n"), "E_VALUE", "2048 1000 60.1");
  refused(section("Alltoall", 4, kRows + "2048 1000 60 nan 61\n"), "E_TYPE", "nan");
  refused(section("Alltoall", 4, kRows + "2048 out-of-mem.; needed X= 1 GB\n"), "E_TYPE",
          "out-of-mem");
  refused(section("Alltoall", 4, kRows + "2048 1000 70 60 65\n"), "E_RANGE", "order");
  refused(section("Alltoall", 4, kRows + kRows), "E_VALUE", "do not rise");
  refused(section("Bcast", 4, kRows), "E_VALUE", "no row");
  refused(
      "# Benchmarking Alltoall\n#bytes #repetitions t_min[usec] t_max[usec] t_avg[usec]\n8 9 1 "
      "2 1.5\n",
      "E_MISSING", "--ranks");
}

}  // namespace
}  // namespace moeplan
