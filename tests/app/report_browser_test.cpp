// Does a browser draw every figure of a report, without a message on its console, at the places
// that the numbers ask for, and is a hostile result only shown? (browser.hpp)

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "sim/report/html/page.hpp"
#include "tests/app/browser.hpp"
#include "tests/app/json_values.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"

namespace moeplan::tests {
namespace {

using text::Node;

TEST_F(Browser, DrawsEveryFigureWhereTheNumbersSay) {
  const std::string out = (folder_ / "out").string();
  const std::string scenario = folder_.write("s.yaml", kScenario).string();
  ASSERT_EQ(run_moeplan({"report", scenario, "-o", out}).exit_code, 0);
  const text::Document check = open(read_bytes(folder_ / "out/report.html"));
  EXPECT_EQ(at(check.root, "title").scalar, "test");
  expect_all_drawn(check, out, 9);
}

// Of a plan with draws, and of a validation; the numbers are made up.
TEST_F(Browser, DrawsUncertaintyAndFits) {
  const std::string plan = folder_
                               .write("plan.json", R"({"schema_version": 1, "name": "drawn",
    "recommendation": {"ttft": {"p99_s": 0.3}}, "uncertainty": {"draws": 100,
    "designs": [{"figures": {"tpot_p99_s": {"p05": 0.03, "p50": 0.04, "p95": 0.06},
      "cost_usd_per_month": {"p05": 900, "p50": 1000, "p95": null}, "accuracy": null}}],
    "tornado_figure": "tpot_p99_s", "tornado_estimate": {"tpot_p99_s": 0.04}, "tornado": [
      {"input": "host", "unit": "us", "low": 20, "high": 60,
       "figures": {"tpot_p99_s": {"at_low": 0.035, "at_high": null}}},
      {"input": "skew", "unit": "", "low": 1, "high": 2,
       "figures": {"tpot_p99_s": {"at_low": 0.039, "at_high": 0.043}}}]}})")
                               .string();
  const std::string fits = folder_
                               .write("fits.json", R"({"schema_version": 1,
    "hardware": "h100-sxm", "profile": null, "skipped": [], "families": [
      {"kernel": "all2all", "kernel_source": "nccl", "dtype": "fp16", "axis": "bytes", "points": 3,
       "median_abs_error": 0.1, "p90_abs_error": 0.2, "measured_points": [
        {"series": "2 ranks", "work": 1024, "measured_s": 7e-6, "predicted_s": 8e-6},
        {"series": "2 ranks", "work": 1e8, "measured_s": 5e-4, "predicted_s": 4e-4},
        {"series": "4 ranks", "work": 1024, "measured_s": 9e-6, "predicted_s": 9e-6}]}]})")
                               .string();
  const std::string out = (folder_ / "out").string();
  const Finished run = run_moeplan({"report", plan, "--validation", fits, "-o", out});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document check = open(read_bytes(folder_ / "out/report.html"));
  expect_all_drawn(check, out, 3);  // intervals, tornado, fit_1
  for (const Node& figure : at(check.root, "figures").items) {
    if (at(figure, "id").scalar != "tornado") {
      continue;
    }
    // From 40 ms: 5 and 1 down, 3 up; overload is not drawn.
    std::multiset<long> widths;
    for (const Node& mark : at(figure, "marks").items) {
      if (at(mark, "type").scalar == "rect") {
        widths.insert(std::lround(1e3 * number_if(mark, "width").value()));
      }
    }
    EXPECT_EQ(widths, (std::multiset<long>{1000, 3000, 5000}));
  }
}

TEST_F(Browser, ShowsHostileStringsAndRunsNone) {
  const std::string hostile =
      "</script><img src=x onerror=\"document.title='taken'\"><!--'+alert(1)+'{{7*7}}";
  std::string quoted;
  for (const char c : hostile) {
    quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  const std::string scenario =
      folder_.write("s.yaml", with(kScenario, "name: test", "name: \"" + quoted + "\"")).string();
  Finished plan = run_moeplan({"plan", scenario, "--format", "json"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  // In labels of figures too: ids of GPUs are the user's own when a hardware file is named.
  for (std::size_t place = plan.out.find("\"gpu\": \"h100-sxm\""); place != std::string::npos;
       place = plan.out.find("\"gpu\": \"h100-sxm\"")) {
    plan.out.replace(place, 17, "\"gpu\": \"" + quoted + "\"");
  }
  const std::string result = folder_.write("plan.json", plan.out).string();
  const std::string out = (folder_ / "out").string();
  ASSERT_EQ(run_moeplan({"report", result, "-o", out}).exit_code, 0);
  const text::Document check = open(read_bytes(folder_ / "out/report.html"));
  EXPECT_TRUE(at(check.root, "problems").items.empty())
      << at(check.root, "problems").items.front().scalar;
  EXPECT_EQ(at(check.root, "title").scalar, hostile) << "shown as it was written";
  EXPECT_EQ(at(check.root, "images").scalar, "0");
  EXPECT_EQ(at(check.root, "figures").items.size(), 9U);
}

}  // namespace
}  // namespace moeplan::tests
