// Does `plan` write what it says, all of it or nothing, and the same bytes every time?
// (house.md 3.3, tests.md C5)

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "models/text/load.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Outputs : public testing::Test {
 protected:
  TemporaryDirectory folder_;
  std::string file_ = folder_.write("s.yaml", kScenario).string();
  std::string out_ = (folder_ / "out").string();

  // Names in the folder, hidden ones too.
  static std::set<std::string> names(const std::filesystem::path& folder) {
    std::set<std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      result.insert(entry.path().filename().string());
    }
    return result;
  }
};

TEST_F(Outputs, ResultOnStdoutAndNothingWrittenWithoutO) {
  const Finished run = run_moeplan({"plan", file_}, {.directory = folder_.path()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("Recommendation"));
  EXPECT_THAT(run.err, IsEmpty()) << "no progress where stderr is no terminal";
  EXPECT_EQ(run.out.find('\x1b'), std::string::npos) << "no colours, so NO_COLOR changes nothing";
  EXPECT_EQ(names(folder_.path()), std::set<std::string>{"s.yaml"});
}

TEST_F(Outputs, ODirWritesThreeFiles) {
  const Finished run = run_moeplan({"plan", file_, "--format", "json", "-o", out_});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(names(out_), (std::set<std::string>{"plan.json", "plan.md", "designs.csv"}));
  EXPECT_EQ(read_bytes(folder_ / "out/plan.json"), run.out);
  EXPECT_EQ(read_bytes(folder_ / "out/plan.md"),
            run_moeplan({"plan", file_, "--format", "markdown"}).out);
  EXPECT_EQ(read_bytes(folder_ / "out/designs.csv"),
            run_moeplan({"plan", file_, "--format", "csv"}).out);
}

TEST_F(Outputs, SameBytesTwiceAndForAnyNumberOfThreads) {
  const Finished one = run_moeplan({"plan", file_, "--format", "json", "--threads", "1"});
  const Finished again = run_moeplan({"plan", file_, "--format", "json", "--threads", "1"});
  const Finished two = run_moeplan({"plan", file_, "--format", "json", "--threads", "2"});
  EXPECT_EQ(one.out, again.out);
  EXPECT_EQ(one.out, two.out);
}

TEST_F(Outputs, SeedChangesResultsAndIsRecorded) {
  const Finished one = run_moeplan({"plan", file_, "--format", "json"});
  const Finished seven = run_moeplan({"plan", file_, "--format", "json", "--seed", "7"});
  const auto seed = [](const Finished& run) {
    return text::parse_json(run.out, "stdout").root.find("provenance")->find("seed")->scalar;
  };
  EXPECT_EQ(seed(one), "1");
  EXPECT_EQ(seed(seven), "7");
  const auto ttft = [](const Finished& run) {
    const text::Document plan = text::parse_json(run.out, "stdout");
    return plan.root.find("recommendation")->find("ttft_p99_s")->scalar;
  };
  EXPECT_NE(ttft(one), ttft(seven));
}

TEST_F(Outputs, InvalidScenarioWritesNothing) {
  const std::string bad = folder_.write("bad.yaml", with(kScenario, "rate:", "rates:")).string();
  const Finished run = run_moeplan({"plan", bad, "-o", out_});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_THAT(run.err, HasSubstr("did you mean 'rate'?"));
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(Outputs, ReadOnlyDirectoryIsRefusedBeforeTheSearch) {
  std::filesystem::create_directory(out_);
  std::filesystem::permissions(out_, std::filesystem::perms(0555));
  if (::access(out_.c_str(), W_OK) == 0) {
    GTEST_SKIP() << "this user (root) may write into read-only directories";
  }
  const Finished run = run_moeplan({"plan", file_, "-o", out_});
  EXPECT_EQ(run.exit_code, 6);
  EXPECT_THAT(run.err, HasSubstr("error[E_IO]: cannot write to " + out_));
  EXPECT_THAT(names(out_), IsEmpty());
}

TEST_F(Outputs, DirectoryThatCannotBeMadeIsNamed) {
  // Not even root can make directories in /proc.
  const Finished run = run_moeplan({"plan", file_, "-o", "/proc/moeplan"});
  EXPECT_EQ(run.exit_code, 6);
  EXPECT_THAT(run.err, HasSubstr("error[E_IO]"));
  EXPECT_THAT(run.err, HasSubstr("/proc/moeplan"));
}

TEST_F(Outputs, AFileInPlaceOfTheDirectoryIsRefused) {
  folder_.write("out", "mine");
  for (const std::string& name : {out_, out_ + "/below"}) {
    const Finished run = run_moeplan({"plan", file_, "-o", name});
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_THAT(run.err, HasSubstr("cannot write to " + name + ": Not a directory"));
  }
  EXPECT_EQ(read_bytes(folder_ / "out"), "mine");
}

TEST_F(Outputs, FullDiskLeavesTheOldFilesWhole) {
  ASSERT_EQ(run_moeplan({"plan", file_, "-o", out_}).exit_code, 0);
  const std::string before = read_bytes(folder_ / "out/plan.json");
  // plan.json of this scenario is above 8 KiB.
  ASSERT_GT(before.size(), 8192U);
  const Finished run =
      run_moeplan({"plan", file_, "--seed", "2", "-o", out_}, {.file_size_limit = 8192});
  EXPECT_EQ(run.exit_code, 6);
  EXPECT_THAT(run.err, HasSubstr("error[E_IO]: cannot write"));
  EXPECT_THAT(run.err, HasSubstr("plan.json"));
  EXPECT_THAT(run.err, HasSubstr("File too large"));
  EXPECT_THAT(run.out, HasSubstr("Recommendation")) << "the result is not lost";
  EXPECT_EQ(names(out_), (std::set<std::string>{"plan.json", "plan.md", "designs.csv"}));
  EXPECT_EQ(read_bytes(folder_ / "out/plan.json"), before);
}

TEST_F(Outputs, ClosedPipeEndsQuietlyAfterTheFilesAreWritten) {
  const Finished run = run_moeplan({"plan", file_, "-o", out_}, {.close_output = true});
  EXPECT_EQ(run.signal, SIGPIPE) << "as any filter does";
  EXPECT_THAT(run.err, IsEmpty());
  EXPECT_EQ(names(out_), (std::set<std::string>{"plan.json", "plan.md", "designs.csv"}));
}

TEST_F(Outputs, InterruptedPlanExitsWith128PlusSignalAndWritesNothing) {
  // A plan of runs this long takes seconds; the signal arrives early in it.
  const std::string slow =
      folder_.write("slow.yaml", with(kScenario, "requests: 300", "requests: 30000")).string();
  for (const int signal : {SIGINT, SIGTERM}) {
    const Finished run = run_moeplan({"plan", slow, "-o", out_, "--threads", "2"},
                                     {.interrupt = signal, .interrupt_after_ms = 300});
    EXPECT_EQ(run.exit_code, 128 + signal) << run.err;
    EXPECT_THAT(run.out, IsEmpty());
    EXPECT_THAT(run.err, HasSubstr("interrupted: nothing was written"));
    EXPECT_FALSE(std::filesystem::exists(out_));
  }
}

}  // namespace
}  // namespace moeplan::tests
