#pragma once
// Qwen3-30B-A3B with some routing, deployed and priced: what the laws of routing and of pruning
// vary.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/evaluate.hpp"
#include "sim/serving/model_step_cost.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::tests {

using namespace moeplan::sim;  // NOLINT: helpers of tests in that namespace

// Qwen3-30B-A3B on four GPUs; routing as given.
inline Scenario scenario_with(const std::string& routing, const std::string& router = "sliced") {
  ScenarioFile file;
  file.set("hardware", "{gpu: h100-sxm, gpus: [1, 4], profile: datasheet}");
  file.set("pruning", "{experts_kept: [128, 96, 64, 32], router: " + router + "}");
  file.set("workload", "{rate: 60 requests/s, requests: 300, input_tokens: {tokens: 500}, " +
                           ("output_tokens: {tokens: 40}, routing: " + routing + "}"));
  return file.load();
}

inline constexpr const char* kUniform = "{distribution: uniform}";
inline constexpr const char* kSkewed = "{distribution: dirichlet, concentration: 0.5}";

inline Candidate ranks_of_four(Exchange exchange, std::int64_t kept = 128) {
  return {.experts_kept = kept,
          .gpus = 4,
          .data_parallel = 4,
          .expert_parallel = true,
          .exchange = exchange};
}

inline Deployment placed(const Scenario& scenario, const Candidate& candidate) {
  auto result = deploy(scenario, candidate);
  return std::get<Deployment>(std::move(result));
}

inline std::vector<RankBatch> prefill(std::int64_t tokens, const Candidate& candidate) {
  RankBatch batch;
  batch.prefill_tokens = tokens;
  batch.sampled = 1;
  batch.prefill.push_back({tokens, 0});
  return std::vector<RankBatch>(static_cast<std::size_t>(candidate.data_parallel), batch);
}

inline PhaseTimes price(const Scenario& scenario, const Candidate& candidate, std::int64_t tokens) {
  const Deployment deployment = placed(scenario, candidate);
  ModelStepCost cost(deployment);
  return cost.cost(prefill(tokens, candidate));
}

inline std::vector<std::int64_t> by_phase(const PhaseTimes& times) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < kPhaseCount; ++i) {
    out.push_back(times[static_cast<Phase>(i)].picoseconds());
  }
  return out;
}

inline ServingMetrics serve(const Deployment& deployment) {
  ModelStepCost cost(deployment);
  return run(deployment, full_load(*deployment.scenario, 20.0), cost);
}

}  // namespace moeplan::tests
