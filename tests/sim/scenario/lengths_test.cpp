// Do the length distributions of the workload section read their own keys, and only those?

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::expect_input_error;

// The scenario with the given prompt lengths.
Scenario load(const std::string& lengths) {
  tests::ScenarioFile file;
  file.set("workload",
           "{rate: 1 requests/s, output_tokens: {tokens: 5}, input_tokens: " + lengths + "}");
  return file.load();
}

TEST(ScenarioLengths, UniformIsReadWithItsLimits) {
  const Scenario scenario = load("{distribution: uniform, min: 819, max: 1024}");
  const auto& uniform = std::get<UniformLength>(scenario.workload.input);
  EXPECT_EQ(uniform.min(), 819);
  EXPECT_EQ(uniform.max(), 1024);
  EXPECT_EQ(scenario.workload.mean_input(), 921.5);
}

TEST(ScenarioLengths, UniformNeedsBothLimits) {
  expect_input_error([] { load("{distribution: uniform, max: 1024}"); }, "E_MISSING", "min and max",
                     "/workload/input_tokens/min");
  expect_input_error([] { load("{distribution: uniform, min: 819}"); }, "E_MISSING",
                     "/workload/input_tokens/max");
  expect_input_error([] { load("{distribution: uniform, min: 20, max: 10}"); }, "E_RANGE",
                     "min 20 and max 10");
}

TEST(ScenarioLengths, KeysOfAnotherDistributionAreRefused) {
  expect_input_error([] { load("{tokens: 100, median: 100}"); }, "E_VALUE",
                     "/workload/input_tokens/median", "no meaning for fixed lengths", "tokens");
  expect_input_error([] { load("{distribution: uniform, min: 1, max: 2, sigma: 0.5}"); }, "E_VALUE",
                     "/workload/input_tokens/sigma");
  expect_input_error([] { load("{distribution: log_normal, median: 9, sigma: 0.5, tokens: 9}"); },
                     "E_VALUE", "/workload/input_tokens/tokens");
}

TEST(ScenarioThinkTime, BelongsToClosedLoops) {
  tests::ScenarioFile file;
  file.set("workload",
           "{arrivals: closed_loop, concurrency: 4, think_time: 5 ms, requests: 40, input_tokens: "
           "{tokens: 9}, output_tokens: {tokens: 5}}");
  EXPECT_EQ(file.load().workload.think_time, milliseconds(5));
  file.set("workload",
           "{rate: 1 requests/s, think_time: 5 ms, input_tokens: {tokens: 9}, output_tokens: "
           "{tokens: 5}}");
  expect_input_error([&] { file.load(); }, "E_VALUE", "/workload/think_time", "closed_loop");
}

}  // namespace
}  // namespace moeplan::sim
