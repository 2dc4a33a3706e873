// Every committed scenario gives the stored plan, with short runs so that all of them take seconds.
// A changed law or rule shows here first: rewrite with MOEPLAN_UPDATE_GOLDEN=1 and write the change
// into CHANGELOG.md ("Predictions that changed"). Same bytes on one machine and C library; on
// another one numbers may differ by 1e-9 (serving.md 7), which still passes.

#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "sim/plan/plan.hpp"
#include "sim/report/forward_report.hpp"
#include "sim/report/plan_text.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kRequests = 300;

std::vector<std::string> committed_scenarios() {
  std::vector<std::string> files = {"models/data/scenarios/default.yaml"};
  for (const char* folder : {"scenarios/examples", "scenarios/paper", "scenarios/what_if"}) {
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
  if (is_static_scenario(tests::source_dir() / file)) {
    const StaticScenario scenario = load_static_scenario(tests::source_dir() / file);
    return forward_csv(forward_passes(scenario), scenario);
  }
  const Scenario scenario = load_scenario(tests::source_dir() / file, {.requests = kRequests});
  const Plan plan = make_plan(scenario, {.threads = 2});
  std::string text = plan_csv(plan, scenario);
  text += "binding_constraint," + plan.binding_constraint + "\n";
  for (const Infeasible& why : plan.infeasible) {
    text += "infeasible," + why.candidate.layout_name() + "," + why.code + "\n";
  }
  return text;
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, PlanIsTheStoredOne) {
  const std::filesystem::path stored = tests::source_dir() / "tests/golden/expected" /
                                       (std::filesystem::path(GetParam()).stem().string() + ".csv");
  const std::string actual = outcome(GetParam());
  tests::expect_golden_numbers(stored, actual);
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  return std::filesystem::path(info.param).stem().string();
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Golden, ::testing::ValuesIn(committed_scenarios()), test_name);

}  // namespace
}  // namespace moeplan::sim
