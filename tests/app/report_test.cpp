// Does `moeplan report` write its files, all of them or none, from results and from scenarios, and
// say what is wrong otherwise?

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "models/text/load.hpp"
#include "sim/report/html/page.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class Report : public testing::Test {
 protected:
  void SetUp() override {
    if (!sim::can_draw()) {
      GTEST_SKIP() << "built without npm: nothing draws here";
    }
  }
  static std::set<std::string> names(const std::filesystem::path& folder) {
    std::set<std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      result.insert(entry.path().filename().string());
    }
    return result;
  }
  TemporaryDirectory folder_;
  std::string scenario_ = folder_.write("s.yaml", kScenario).string();
  std::string out_ = (folder_ / "out").string();
};

TEST(ReportWithoutNpm, SaysWhatToInstall) {
  if (sim::can_draw()) {
    GTEST_SKIP() << "built with what draws the pictures";
  }
  const TemporaryDirectory folder;
  const std::string out = (folder / "out").string();
  const Finished run = run_moeplan({"report", "plan.json", "-o", out});
  EXPECT_EQ(run.exit_code, 6);
  EXPECT_THAT(run.err, HasSubstr("install npm"));
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(Report, OfAScenarioPlansItFirst) {
  const Finished run = run_moeplan({"report", scenario_, "-o", out_});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(names(out_),
            (std::set<std::string>{"accuracy.vl.json", "budget.vl.json", "law_errors.vl.json",
                                   "memory.vl.json", "pareto.vl.json", "phases.vl.json",
                                   "plan.json", "rent_or_buy.vl.json", "report.html",
                                   "tpot_cdf.vl.json", "ttft_cdf.vl.json"}));
  EXPECT_THAT(run.out, HasSubstr(out_ + "/report.html\n"));
  EXPECT_EQ(read_bytes(folder_ / "out/plan.json"),
            run_moeplan({"plan", scenario_, "--format", "json"}).out);
  // The report of the plan that it wrote is the same page.
  const std::string page = read_bytes(folder_ / "out/report.html");
  const std::string again = (folder_ / "again").string();
  ASSERT_EQ(run_moeplan({"report", out_ + "/plan.json", "-o", again}).exit_code, 0);
  EXPECT_EQ(read_bytes(folder_ / "again/report.html"), page);
}

TEST_F(Report, OfASimulationAndOfAComparison) {
  const auto simulated = [&](const std::string& experts) {
    const Finished run = run_moeplan({"simulate", scenario_, "--gpus", "1", "--experts-kept",
                                      experts, "--replicas", "6", "--format", "json"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return folder_.write(experts + ".json", run.out).string();
  };
  const std::string a = simulated("128");
  const std::string b = simulated("64");
  ASSERT_EQ(run_moeplan({"report", a, "-o", out_}).exit_code, 0);
  EXPECT_THAT(names(out_), Contains("ttft_cdf.vl.json"));
  const Finished compared = run_moeplan({"compare", a, b, "--format", "json"});
  const std::string file = folder_.write("ab.json", compared.out).string();
  const std::string both = (folder_ / "both").string();
  const Finished run = run_moeplan({"report", file, "-o", both, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(names(both), Contains("compared_phases.vl.json"));
  EXPECT_EQ(text::parse_json(run.out, "stdout").root.find("kind")->scalar, "Comparison");
}

TEST_F(Report, NothingFeasibleIsAReportAndExit4) {
  const std::string file =
      folder_.write("never.yaml", with(kScenario, "ttft_p99: 2 s", "ttft_p99: 1 us")).string();
  const Finished run = run_moeplan({"report", file, "-o", out_});
  EXPECT_EQ(run.exit_code, 4) << run.err;
  EXPECT_THAT(read_bytes(folder_ / "out/report.html"), HasSubstr("No design meets the objectives"));
}

TEST_F(Report, WrongInputWritesNothing) {
  const std::string other = folder_.write("other.json", "{\"a\": 1}").string();
  const Finished wrong = run_moeplan({"report", other, "-o", out_});
  EXPECT_EQ(wrong.exit_code, 3);
  EXPECT_THAT(wrong.err, HasSubstr("other.json:1:1"));
  EXPECT_THAT(wrong.err, HasSubstr("this is not a result of moeplan"));
  EXPECT_EQ(run_moeplan({"report", "absent.json", "-o", out_}).exit_code, 3);
  const std::string bad = folder_.write("bad.yaml", with(kScenario, "rate:", "rates:")).string();
  const Finished scenario = run_moeplan({"report", bad, "-o", out_});
  EXPECT_EQ(scenario.exit_code, 3);
  EXPECT_THAT(scenario.err, HasSubstr("did you mean 'rate'?"));
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(Report, NeedsADirectory) {
  const Finished run = run_moeplan({"report", scenario_});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("name their directory with -o DIR"));
  EXPECT_THAT(run.out, IsEmpty());
}

TEST_F(Report, DryRunChecksAndWritesNothing) {
  const Finished run = run_moeplan({"report", scenario_, "-o", out_, "--dry-run"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("10 candidates"));
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(Report, FullDiskLeavesTheOldFilesWhole) {
  ASSERT_EQ(run_moeplan({"report", scenario_, "-o", out_}).exit_code, 0);
  const std::set<std::string> files = names(out_);
  const std::string page = read_bytes(folder_ / "out/report.html");
  const Finished run =
      run_moeplan({"report", scenario_, "--seed", "2", "-o", out_}, {.file_size_limit = 65536});
  EXPECT_EQ(run.exit_code, 6);
  EXPECT_THAT(run.err, HasSubstr("report.html"));
  EXPECT_EQ(names(out_), files) << "nothing half-written is left";
  EXPECT_EQ(read_bytes(folder_ / "out/report.html"), page);
}

}  // namespace
}  // namespace moeplan::tests
