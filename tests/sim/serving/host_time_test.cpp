// What a step waits for the CPU: its scheduler, and the launches of prompts outside CUDA graphs.

#include <gtest/gtest.h>

#include "sim/serving/model_step_cost.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

RankBatch decoding(std::int64_t sequences, std::int64_t kv_tokens) {
  return {.decode_sequences = sequences,
          .decode_kv_tokens = kv_tokens,
          .prefill_tokens = 0,
          .sampled = sequences,
          .prefill = {}};
}

Scenario engine_of(const std::string& engine) {
  return ScenarioFile()
      .set("pruning", "")
      .set("hardware", "{gpu: h100-sxm, gpus: 1}")
      .set("engine", engine)
      .load();
}

PhaseTimes priced(const Scenario& scenario, const RankBatch& batch) {
  Candidate candidate;
  candidate.experts_kept = scenario.pretrained_experts();
  const Deployment d = std::get<Deployment>(deploy(scenario, candidate));
  ModelStepCost cost(d);
  return cost.cost(std::span(&batch, 1));
}

// By hand: the host's law is 1 ms and 21.5 us a sequence; kernels of 48 layers take longer.
TEST(HostTime, IsHiddenByAsynchronousScheduling) {
  const PhaseTimes shown = priced(engine_of("{async_scheduling: false}"), decoding(8, 800));
  const PhaseTimes hidden = priced(engine_of("{}"), decoding(8, 800));
  EXPECT_NEAR(in_seconds(shown[Phase::host]), 1e-3 + 8 * 21.5e-6, 1e-12);
  EXPECT_EQ(hidden[Phase::host], SimDuration(0));
  EXPECT_EQ(hidden.total(), shown.total() - shown[Phase::host]);
  // A stated host time is no law: it lies between steps.
  EXPECT_NEAR(in_seconds(priced(engine_of("{host_time: 7 ms}"), decoding(8, 800))[Phase::host]),
              7e-3, 1e-12);
}

// Qwen3-30B has 48 layers with experts; what is within a captured graph launches nothing by itself.
TEST(Launches, OfPromptsOutsideGraphs) {
  const Scenario scenario = engine_of("{cuda_graph_sizes: [512]}");
  const RankBatch large{.prefill_tokens = 700, .sampled = 1, .prefill = {{700, 0}}};
  const RankBatch small{.prefill_tokens = 300, .sampled = 1, .prefill = {{300, 0}}};
  EXPECT_NEAR(in_seconds(priced(scenario, large)[Phase::launch]), 48 * 0.6e-3, 1e-9);
  EXPECT_EQ(priced(scenario, small)[Phase::launch], SimDuration(0));
  EXPECT_EQ(priced(scenario, decoding(600, 60000))[Phase::launch], SimDuration(0)) << "no prompt";
  EXPECT_EQ(priced(engine_of("{host_time: 1 ms}"), large)[Phase::launch], SimDuration(0));
}

}  // namespace
}  // namespace moeplan::sim
