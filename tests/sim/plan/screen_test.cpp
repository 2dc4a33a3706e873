// Does the screen discard only what simulation discards too? Random scenarios, with objectives and
// budgets drawn around what the designs reach, so that bounds fall on both sides.

#include "sim/plan/screen.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/engine/random_stream.hpp"
#include "sim/plan/candidates.hpp"
#include "sim/plan/design.hpp"
#include "sim/serving/model_step_cost.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

Scenario random_scenario(std::int64_t trial) {
  RandomStream random(11, "screen", {trial});
  const auto between = [&](double low, double high) {
    return low * std::exp(random.uniform() * std::log(high / low));
  };
  const auto pick = [&](std::initializer_list<const char*> choices) {
    return std::string(choices.begin()[random.below(choices.size())]);
  };
  tests::ScenarioFile file;
  file.set("hardware", fmt::format("{{gpu: {}, gpus: [1, 2]}}", pick({"h100-sxm", "a100-sxm"})));
  file.set("engine",
           fmt::format("{{jitter: {}, max_sequences: {}, max_batched_tokens: {}}}",
                       pick({"0", "0", "0.05"}), 16 << random.below(5), 512 << random.below(5)));
  const std::string arrivals =
      random.below(4) == 0
          ? fmt::format("arrivals: closed_loop, concurrency: {}", 1 + random.below(64))
          : fmt::format("rate: {:.3f} requests/s", between(5.0, 500.0));
  file.set("workload",
           fmt::format("{{{}, requests: 300, input_tokens: {{distribution: log_normal, median: "
                       "{:.0f}, sigma: 0.7, max: 8000}}, output_tokens: {{distribution: {}}}}}",
                       arrivals, between(50.0, 3000.0),
                       random.below(2) == 0
                           ? fmt::format("log_normal, median: {:.0f}, sigma: 0.6, max: 800",
                                         between(2.0, 200.0))
                           : "fixed, tokens: " + pick({"1", "2", "60"})));
  // Single users see steps of 10 to 30 ms and first tokens of 20 to 200 ms.
  std::string objectives = fmt::format("ttft_p99: {:.2f} ms", between(15.0, 4000.0));
  if (random.below(4) != 0) {
    objectives += fmt::format(", tpot_p99: {:.2f} ms", between(8.0, 60.0));
  }
  if (random.below(3) == 0) {
    objectives += fmt::format(", ttft_p50: {:.2f} ms", between(15.0, 500.0));
  }
  if (random.below(2) == 0) {
    objectives += fmt::format(", budget: {:.2f} USD/h", between(3.0, 30.0));
  }
  file.set("objectives", "{" + objectives + "}");
  return file.load();
}

TEST(Screen, DiscardsOnlyWhatSimulationDiscards) {
  std::int64_t by_latency = 0;
  std::int64_t by_budget = 0;
  std::int64_t passed = 0;
  std::int64_t worked = 0;
  for (std::int64_t trial = 0; trial < 60; ++trial) {
    const Scenario scenario = random_scenario(trial);
    const Screen screen(scenario);
    for (const Candidate& candidate : candidates(scenario)) {
      const auto placed = deploy(scenario, candidate);
      const auto* deployment = std::get_if<Deployment>(&placed);
      if (deployment == nullptr) {
        continue;
      }
      ModelStepCost cost(*deployment);
      const std::optional<Infeasible> why = screen.hopeless(*deployment, cost);
      if (!why) {
        ++passed;
        // Simulating these too would only show how tight the bounds are; a sample of them does.
        if (passed % 4 == 0) {
          worked += std::holds_alternative<Design>(judge(scenario, candidate)) ? 1 : 0;
        }
        continue;
      }
      (why->code == "latency" ? by_latency : by_budget) += 1;
      EXPECT_TRUE(std::holds_alternative<Infeasible>(judge(scenario, candidate)))
          << "trial " << trial << ", " << candidate.layout_name() << ": " << why->reason;
    }
  }
  // The bounds must be put to the test from both sides.
  EXPECT_GT(by_latency, 50);
  EXPECT_GT(by_budget, 20);
  EXPECT_GT(worked, 10);
}

// One prompt of 1000 and a first token bound: the screen must fall between 0.9 and 1 of the step.
TEST(Screen, FirstTokenBoundIsTheStepOfThePrompt) {
  tests::ScenarioFile file;
  file.set("hardware", "{gpu: h100-sxm}").set("pruning", "{experts_kept: 64}");
  file.set("workload",
           "{rate: 1 requests/s, requests: 300, input_tokens: {tokens: 1000}, "
           "output_tokens: {tokens: 10}}");
  const Scenario open = file.load();
  const auto placed = deploy(open, candidates(open).front());
  ModelStepCost cost(std::get<Deployment>(placed));
  RankBatch prompt;
  prompt.prefill_tokens = 1000;
  prompt.sampled = 1;
  prompt.prefill = {{1000, 0}};
  const double step_ms = in_seconds(cost.cost({&prompt, 1}).total()) * 1e3;
  const auto screened = [&](double bound_ms) {
    file.set("objectives", fmt::format("{{ttft_p99: {:.6f} ms}}", bound_ms));
    const Scenario scenario = file.load();
    const auto again = deploy(scenario, candidates(scenario).front());
    ModelStepCost price(std::get<Deployment>(again));
    return Screen(scenario).hopeless(std::get<Deployment>(again), price).has_value();
  };
  EXPECT_TRUE(screened(0.89 * step_ms));
  EXPECT_FALSE(screened(0.91 * step_ms));
}

}  // namespace
}  // namespace moeplan::sim
