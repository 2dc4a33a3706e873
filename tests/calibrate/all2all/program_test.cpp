// Does moeplan-measure all2all start ranks, measure, and write what fits read?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "calibrate/all2all/launcher.hpp"
#include "calibrate/import/own_format.hpp"
#include "calibrate/measurement/combined_point.hpp"
#include "tests/calibrate/all2all/ranks.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::calibrate {
namespace {

using testing::HasSubstr;

const std::string kProgram = MOEPLAN_MEASURE_PROGRAM;

TEST(All2AllProgram, WithoutMpiOrRanksItSaysSo) {
  const tests::TemporaryDirectory directory;
  const std::string journal = (directory / "j").string();
  const std::string out = (directory / "out").string();
  const int code = tests::run_into(
      {kProgram, "all2all", "--launcher", "/nonexistent/mpirun -n 2", "--journal", journal}, out);
  EXPECT_EQ(code, 6);
  EXPECT_THAT(tests::read_bytes(out),
              testing::AnyOf(HasSubstr("/nonexistent/mpirun"), HasSubstr("built without MPI")));
}

TEST(All2AllProgram, WithoutAGpuItSaysSoInOneSentence) {
  if (!tests::why_no_ranks().empty()) {
    GTEST_SKIP() << tests::why_no_ranks();
  }
  if (std::filesystem::exists("/dev/nvidiactl")) {
    GTEST_SKIP() << "there is a GPU here";
  }
  const tests::TemporaryDirectory directory;
  for (const std::string transport : {"mpi", "nccl"}) {
    const int code = tests::run_into(
        {kProgram, "all2all", "--launcher", tests::launcher(2), "--journal",
         (directory / "j").string(), "--buffers", "device", "--transport", transport},
        (directory / "out").string());
    EXPECT_EQ(code, 6);
    const std::string said = tests::read_bytes(directory / "out");
    EXPECT_THAT(said,
                testing::AnyOf(HasSubstr("no GPU can be used here"), HasSubstr("built without")));
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_FALSE(std::filesystem::exists(directory / "j"));
  }
}

TEST(All2AllProgram, MeasuresInLaunchesAndWritesWhatFitsRead) {
  if (!tests::why_no_ranks().empty()) {
    GTEST_SKIP() << tests::why_no_ranks();
  }
  const tests::TemporaryDirectory directory;
  const std::string journal = (directory / "j").string();
  const std::string measured = (directory / "m.json").string();
  directory.write("m.csv", "name,source,destination,bytes\nnight,0,1,5000\n");
  const int code = tests::run_into({kProgram,     "all2all",
                                    "--launcher", tests::launcher(2),
                                    "--launches", "2",
                                    "--visits",   "1",
                                    "--budget",   "2 s",
                                    "--kinds",    "all2allv,pingpong,allreduce",
                                    "--patterns", "uniform",
                                    "--smallest", "4 KiB",
                                    "--largest",  "4 KiB",
                                    "--start",    "barrier",
                                    "--matrices", (directory / "m.csv").string(),
                                    "--journal",  journal,
                                    "-o",         measured},
                                   (directory / "out").string());
  ASSERT_EQ(code, 0) << tests::read_bytes(directory / "out");
  const JournalContents contents = read_journal(journal, true);
  // Level 0: uniform both ways, and one ping-pong between the two ranks.
  for (const char* id : {"all2allv/combine/uniform/p2n1/b4096",
                         "all2allv/dispatch/uniform/p2n1/b4096", "pingpong/near/p2n1/b4096"}) {
    EXPECT_THAT(contents.header.plan, testing::Contains(id));
  }
  EXPECT_EQ(contents.records.size(), 2 * contents.header.plan.size());
  for (const CombinedPoint& point : combine(contents)) {
    EXPECT_EQ(point.status, PointStatus::measured) << point.id << " " << point.reason;
    EXPECT_EQ(point.launches, 2);
  }
  EXPECT_EQ(contents.header.fingerprint.at("ranks"), "2");
  EXPECT_EQ(contents.header.fingerprint.count("mpi"), 1U);
  EXPECT_EQ(contents.header.settings.at("start"), "barrier");
  const models::Measurements read = parse_own_format(tests::read_bytes(measured), "m.json");
  ASSERT_FALSE(read.collectives.empty());
  EXPECT_EQ(read.collectives[0].ranks, 2);
  EXPECT_EQ(read.collectives[0].bytes, 4096.0);
  EXPECT_FALSE(std::filesystem::exists(journal + ".ranks"));
}

TEST(All2AllProgram, RanksOfDifferentBuildsRefuseToStart) {
  if (!tests::why_no_ranks().empty()) {
    GTEST_SKIP() << tests::why_no_ranks();
  }
  const tests::TemporaryDirectory directory;
  const std::filesystem::path other = directory.write("other", tests::read_bytes(kProgram) + "x");
  std::filesystem::permissions(other, std::filesystem::perms::owner_all);
  std::vector<std::string> command = launcher_arguments(tests::launcher(1));
  const std::vector<std::string> arguments = {"all2all",
                                              "--launcher",
                                              "mpirun",
                                              "--journal",
                                              (directory / "j").string(),
                                              "--worker",
                                              "--probe",
                                              (directory / "p").string()};
  command.push_back(kProgram);
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), {":", "-n", "1", other.string()});
  command.insert(command.end(), arguments.begin(), arguments.end());
  EXPECT_EQ(tests::run_into(command, (directory / "out").string()), 3);
  EXPECT_THAT(tests::read_bytes(directory / "out"), HasSubstr("another build than rank 0"));
  EXPECT_FALSE(std::filesystem::exists(directory / "p"));
}

}  // namespace
}  // namespace moeplan::calibrate
