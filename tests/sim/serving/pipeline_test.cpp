// Are batches in flight on several pipeline stages what a person works out by hand, is nothing lost
// or doubled by cutting a model into stages, and do a pipeline's latency and memory move as they
// must?

#include <gtest/gtest.h>

#include "sim/evaluate.hpp"
#include "sim/result/metrics.hpp"
#include "sim/serving/pipeline_step_cost.hpp"
#include "tests/sim/serving/open_runs.hpp"
#include "tests/support/linear_step_cost.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

SimTime at_ms(double ms) { return SimTime{} + milliseconds(ms); }

// Every batch: host 1 ms, stage one 4 ms, stage two 3 ms, of which 1 ms receives its input.
class TwoStages : public StepCost {
 public:
  PhaseTimes cost(std::span<const RankBatch> ranks) override {
    std::vector<PhaseTimes> parts;
    staged(ranks, parts);
    PhaseTimes sum;
    for (const PhaseTimes& part : parts) {
      sum += part;
    }
    return sum;
  }
  void staged(std::span<const RankBatch>, std::vector<PhaseTimes>& parts) override {
    parts.assign(3, PhaseTimes{});
    parts[0].set(Phase::host, duration_from(milliseconds(1)));
    parts[1].set(Phase::expert, duration_from(milliseconds(4)));
    parts[2].set(Phase::expert, duration_from(milliseconds(2)));
    parts[2].set(Phase::pipeline_transfer, duration_from(milliseconds(1)));
  }
};

SimulationSetup users(std::int32_t count, std::int64_t requests, std::int32_t prompt,
                      std::int32_t output) {
  SimulationSetup setup;
  setup.limits.pipeline_parallel = 2;
  setup.limits.scheduler = {.max_sequences = 8, .max_batched_tokens = 100, .kv_blocks = 1000};
  setup.mix = {.arrivals = ClosedLoop{count},
               .prompt = FixedLength{prompt},
               .output = FixedLength{output},
               .request_count = requests};
  return setup;
}

// Prompts of 100 fill a batch each, answers of 2 tokens.
//   batch     scheduled  host   stage 1         stage 2
//   1: A      0          0-1    1-5             5-8      A's token 1 at 8
//   2: B      0          1-2    5-9 (waits 3)   9-12     B's token 1 at 12
//   3: A      8          8-9    9-13            13-16    A is done at 16
//   4: B      12         12-13  13-17           17-20    B is done at 20
TEST(Pipeline, TwoBatchesInFlightByHand) {
  TwoStages cost;
  const ServingTrace trace = simulate(users(2, 2, 100, 2), cost);
  ASSERT_EQ(trace.requests.size(), 2u);
  EXPECT_EQ(trace.requests[0].first_token, at_ms(8));
  EXPECT_EQ(trace.requests[1].first_token, at_ms(12));
  EXPECT_EQ(trace.requests[0].completion, at_ms(16));
  EXPECT_EQ(trace.requests[1].completion, at_ms(20));
  EXPECT_EQ(trace.steps, 4);
  EXPECT_EQ(trace.end, at_ms(20));
  // A batch is in flight all the time; batches take 8 + 12 + 8 + 8 = 36 ms together, of which batch
  // 2 waits 1 + 3 ms and all receive 4 ms. Shares are kept when 36 ms are spread over 20.
  EXPECT_EQ(in_seconds(trace.busy), 0.020);
  EXPECT_EQ(trace.phases.total(), trace.busy);
  EXPECT_NEAR(in_seconds(trace.phases[Phase::pipeline_wait]), 0.020 * 4 / 36, 2e-12);
  EXPECT_NEAR(in_seconds(trace.phases[Phase::pipeline_transfer]), 0.020 * 4 / 36, 2e-12);
  const ServingMetrics m = summarize(trace, {});
  EXPECT_EQ(m.itl.count, 2);
  EXPECT_NEAR(m.itl.mean, 8e-3, 1e-12);
}

// A prompt of 300 in chunks of 100: chunk 3 needs the place of chunk 1 and leaves at 8 ms, so token
// 1 comes at 16 ms and not after 3 x 8.
TEST(Pipeline, ChunksOfOnePromptFollowEachOther) {
  TwoStages cost;
  const ServingTrace trace = simulate(users(1, 1, 300, 1), cost);
  EXPECT_EQ(trace.requests[0].first_token, at_ms(16));
  EXPECT_EQ(trace.steps, 3);
}

// Requests that are queued together share a batch, as in vLLM, and nothing overlaps: 8 ms a token.
TEST(Pipeline, SequencesOfOneBatchStayTogether) {
  TwoStages cost;
  const ServingTrace trace = simulate(users(4, 4, 20, 3), cost);
  for (const RequestRecord& request : trace.requests) {
    EXPECT_EQ(request.completion, at_ms(24));
  }
  EXPECT_EQ(trace.steps, 3);
}

// Divided, two of the four are in each batch: batch 1 (8 ms) returns at 8, 16, 24, batch 2 as in
// TwoBatchesInFlightByHand 4 ms later.
TEST(Pipeline, DividedBatchesKeepBothStagesBusy) {
  TwoStages cost;
  SimulationSetup setup = users(4, 4, 20, 3);
  setup.limits.divided_batches = true;
  const ServingTrace trace = simulate(setup, cost);
  const double expected[] = {24, 24, 28, 28};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(trace.requests[i].completion, at_ms(expected[i]));
  }
  EXPECT_EQ(trace.steps, 6);
  EXPECT_EQ(trace.steps_at_max_sequences, 0);
}

// One batch at a time is an engine without stages whose step is the sum.
TEST(Pipeline, OneUserSeesTheSumOfTheStages) {
  TwoStages cost;
  SimulationSetup setup = users(1, 20, 60, 7);
  setup.limits.jitter = 0.1;
  const ServingTrace piped = simulate(setup, cost);
  setup.limits.pipeline_parallel = 1;
  const ServingTrace whole = simulate(setup, cost);
  ASSERT_EQ(piped.requests.size(), whole.requests.size());
  for (std::size_t i = 0; i < piped.requests.size(); ++i) {
    // Jitter scales parts one by one: half a picosecond of rounding each.
    EXPECT_NEAR(in_seconds(piped.requests[i].completion - whole.requests[i].completion), 0.0, 1e-9);
  }
  EXPECT_EQ(piped.phases[Phase::pipeline_wait], SimDuration(0));
}

// Conservation and causality on random open runs, preemptions and data parallelism included.
TEST(Pipeline, RandomRunsKeepTheInvariants) {
  std::int64_t preemptions = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    tests::LinearStepCost cost(milliseconds(2), milliseconds(0.02), milliseconds(0.05));
    SimulationSetup setup = tests::open_run(seed);
    setup.replicas = static_cast<std::int32_t>(1 + seed % 2);
    setup.limits.pipeline_parallel = static_cast<std::int32_t>(2 + seed % 3);
    setup.limits.divided_batches = seed % 4 < 2;
    const ServingTrace trace = simulate(setup, cost);
    tests::expect_invariants(setup, trace);
    preemptions += trace.preemptions;
  }
  EXPECT_GT(preemptions, 100) << "memory is short in some runs";
}

Scenario qwen(const std::string& model = "{architecture: qwen3-30b-a3b}",
              const std::string& engine = "{}") {
  return ScenarioFile()
      .set("model", model)
      .set("engine", engine)
      .set("pruning", "")
      .set("hardware", "{gpu: h100-sxm, gpus: [2, 4]}")
      .set("workload",
           "{rate: 10 requests/s, requests: 600, input_tokens: {tokens: 500}, output_tokens: "
           "{tokens: 60}}")
      .load();
}

Candidate layout(const Scenario& scenario, int tp, int dp, int pp) {
  Candidate c;
  c.experts_kept = scenario.pretrained_experts();
  c.tensor_parallel = tp;
  c.data_parallel = dp;
  c.pipeline_parallel = pp;
  c.gpus = tp * dp * pp;
  c.expert_parallel = tp * dp > 1;
  return c;
}

Deployment deployed(const Scenario& scenario, const Candidate& candidate) {
  const auto placed = deploy(scenario, candidate);
  if (const auto* why = std::get_if<Infeasible>(&placed)) {
    throw std::logic_error(why->reason);
  }
  return std::get<Deployment>(placed);
}

// All stages do together what one stage does; transfers come on top. Rounding: some picoseconds for
// each phase of each stage; attention in whole femtoseconds a KV token, three times half of one off
// over 20000 tokens.
TEST(Pipeline, StagesAddUpToTheWholeModel) {
  for (const char* model : {"{architecture: qwen3-30b-a3b}", "{architecture: deepseek-v2-lite}"}) {
    // Nothing hides the host's time of one engine, as nothing does of a pipeline's.
    const Scenario scenario = qwen(model, "{async_scheduling: false}");
    for (const auto& [tp, dp] : {std::pair{1, 1}, std::pair{2, 1}, std::pair{1, 2}}) {
      const Deployment one = deployed(scenario, layout(scenario, tp, dp, 1));
      const Deployment two = deployed(scenario, layout(scenario, tp, dp, 2));
      RankBatch batch{.decode_sequences = 30,
                      .decode_kv_tokens = 20000,
                      .prefill_tokens = 700,
                      .sampled = 31,
                      .prefill = {{700, 100}}};
      const std::vector<RankBatch> ranks(static_cast<std::size_t>(dp), batch);
      const PhaseTimes whole = make_step_cost(one)->cost(ranks);
      PipelineStepCost piped(two);
      std::vector<PhaseTimes> parts;
      piped.staged(ranks, parts);
      ASSERT_EQ(parts.size(), 3u);
      PhaseTimes sum;
      for (const PhaseTimes& part : parts) {
        sum += part;
      }
      EXPECT_EQ(sum, piped.cost(ranks));
      EXPECT_EQ(sum[Phase::host], parts[0].total());
      EXPECT_EQ(parts[1][Phase::head], SimDuration(0));
      EXPECT_EQ(parts[1][Phase::pipeline_transfer], SimDuration(0));
      EXPECT_GT(parts[2][Phase::pipeline_transfer], SimDuration(0));
      for (std::size_t i = 0; i < kPhaseCount; ++i) {
        const auto phase = static_cast<Phase>(i);
        if (phase != Phase::pipeline_transfer) {
          EXPECT_NEAR(in_seconds(sum[phase]), in_seconds(whole[phase]),
                      phase == Phase::attention ? 38e-12 : 8e-12)
              << model << " " << name_of(phase);
        }
      }
      const double routed = make_step_cost(one)->expert_rows(ranks).routed;
      EXPECT_NEAR(piped.expert_rows(ranks).routed, routed, 1e-9 * routed);
    }
  }
}

// Of 48 equal layers each of two stages holds 24: half the experts, half the KV bytes of a token.
TEST(Pipeline, AStageHoldsItsLayersOnly) {
  const Scenario scenario = qwen();
  const MemoryBudget one = deployed(scenario, layout(scenario, 1, 1, 1)).memory;
  const MemoryBudget two = deployed(scenario, layout(scenario, 1, 1, 2)).memory;
  EXPECT_DOUBLE_EQ(two.expert_weights.value(), one.expert_weights.value() / 2.0);
  EXPECT_DOUBLE_EQ(two.kv_per_token.value(), one.kv_per_token.value() / 2.0);
  EXPECT_GT(two.kv_blocks, 2 * one.kv_blocks) << "twice the tokens in the same bytes, and more";
  // Embeddings and head are equally large (151936 x 2048 bf16), so the last stage is the fullest:
  // it has the final norm and the logits of 256 sequences in fp32 besides.
  EXPECT_EQ(two.stage, 1);
  const double table = 151936.0 * 2048.0 * 2.0;
  EXPECT_NEAR(two.other_weights.value(), (one.other_weights.value() - 2.0 * table) / 2.0 + table,
              2048.0 * 2.0);
}

TEST(Pipeline, TokensTakeLongerAndMemoryIsFreer) {
  // Without launches one by one, of which two stages do their halves at the same time.
  const Scenario scenario = qwen("{architecture: qwen3-30b-a3b}", "{host_time: 1 ms}");
  const Load load = full_load(scenario, 10.0);
  const auto one = std::get<ServingMetrics>(evaluate(scenario, layout(scenario, 1, 1, 1), load));
  const auto two = std::get<ServingMetrics>(evaluate(scenario, layout(scenario, 1, 1, 2), load));
  EXPECT_EQ(two.completed, one.completed);
  // Batches of a pipeline are smaller but read the same weights, and pass a hop.
  EXPECT_GT(two.tpot.p50, one.tpot.p50);
  EXPECT_LT(two.kv_peak_fraction, one.kv_peak_fraction);
  EXPECT_GT(in_seconds(two.phases[Phase::pipeline_transfer]), 0.0);
  EXPECT_EQ(in_seconds(one.phases[Phase::pipeline_transfer]), 0.0);
}

}  // namespace
}  // namespace moeplan::sim
