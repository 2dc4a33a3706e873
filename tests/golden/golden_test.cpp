// Every committed scenario gives the stored plan, with short runs so that all of them take seconds.
// A changed law or rule shows here first: rewrite with MOEPLAN_UPDATE_GOLDEN=1 and write the change
// into CHANGELOG.md ("Predictions that changed"). Same bytes on one machine and C library; on
// another one numbers may differ by 1e-9 (serving.md 7), which still passes.

#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "sim/plan/plan.hpp"
#include "sim/report/plan_text.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kRequests = 300;

std::vector<std::string> committed_scenarios() {
  std::vector<std::string> files = {"models/data/scenarios/default.yaml"};
  for (const char* folder : {"scenarios/examples", "scenarios/paper"}) {
    for (const auto& entry : std::filesystem::directory_iterator(tests::source_dir() / folder)) {
      if (entry.path().extension() == ".yaml") {
        files.push_back(std::string(folder) + "/" + entry.path().filename().string());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string outcome(const std::string& file) {
  const Scenario scenario = load_scenario(tests::source_dir() / file, {.requests = kRequests});
  const Plan plan = make_plan(scenario, {.threads = 2});
  std::string text = plan_csv(plan, scenario);
  text += "binding_constraint," + plan.binding_constraint + "\n";
  for (const Infeasible& why : plan.infeasible) {
    text += "infeasible," + why.candidate.layout_name() + "," + why.code + "\n";
  }
  return text;
}

std::vector<std::string> tokens(const std::string& text) {
  std::vector<std::string> result(1);
  for (const char c : text) {
    if (c == ',' || c == '\n') {
      result.emplace_back();
    } else {
      result.back() += c;
    }
  }
  return result;
}

// Equal but for numbers that differ by at most 1e-9 of their size.
bool equal_elsewhere(const std::string& a, const std::string& b) {
  const std::vector<std::string> x = tokens(a);
  const std::vector<std::string> y = tokens(b);
  if (x.size() != y.size()) {
    return false;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto u = parse_number(x[i]);
    const auto v = parse_number(y[i]);
    const bool close = u && v && std::abs(*u - *v) <= 1e-9 * std::max(std::abs(*u), std::abs(*v));
    if (x[i] != y[i] && !close) {
      return false;
    }
  }
  return true;
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, PlanIsTheStoredOne) {
  const std::filesystem::path stored = tests::source_dir() / "tests/golden/expected" /
                                       (std::filesystem::path(GetParam()).stem().string() + ".csv");
  const std::string actual = outcome(GetParam());
  if (std::getenv("MOEPLAN_UPDATE_GOLDEN") == nullptr && std::filesystem::exists(stored) &&
      equal_elsewhere(text::read_file(stored), actual)) {
    SUCCEED();
    return;
  }
  tests::expect_golden(stored, actual);
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  return std::filesystem::path(info.param).stem().string();
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Golden, ::testing::ValuesIn(committed_scenarios()), test_name);

TEST(GoldenComparison, SeesRealDifferencesOnly) {
  EXPECT_TRUE(equal_elsewhere("a,1.0,2", "a,1.0000000001,2"));
  EXPECT_FALSE(equal_elsewhere("a,1.0,2", "a,1.00001,2"));
  EXPECT_FALSE(equal_elsewhere("a,1.0,2", "b,1.0,2"));
  EXPECT_FALSE(equal_elsewhere("a,1.0", "a,1.0,2"));
}

}  // namespace
}  // namespace moeplan::sim
