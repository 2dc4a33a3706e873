// Laws that one step's price must obey, whatever the fitted numbers are (tests.md C2 14, 18, 20,
// 21, 23): on Qwen3-30B-A3B with the laws of the H100's data sheet, so that the machine can be
// changed in a known way.

#include <gtest/gtest.h>

#include "sim/evaluate.hpp"
#include "sim/serving/model_step_cost.hpp"
#include "tests/laws/planning/batches.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::decode;
using tests::prefill;
using tests::ScenarioFile;

// The small scenario on data-sheet laws.
class DatasheetFile : public ScenarioFile {
 public:
  DatasheetFile() { set("hardware", "{gpu: h100-sxm, gpus: [1, 2, 4], profile: datasheet}"); }
};

std::vector<RankBatch> steps() {
  return {decode(1, 100), decode(64, 1000), decode(256, 4000), prefill(64), prefill(8192)};
}

PhaseTimes price(const Scenario& scenario, const Candidate& candidate, const RankBatch& batch) {
  const auto placed = deploy(scenario, candidate);
  const Deployment& deployment = std::get<Deployment>(placed);
  ModelStepCost cost(deployment);
  const std::vector<RankBatch> ranks(static_cast<std::size_t>(candidate.data_parallel), batch);
  return cost.cost(ranks);
}

Candidate one_gpu(std::int64_t experts = 128) { return {.experts_kept = experts}; }

// The scenario with the GPU's rates multiplied; laws made anew from the changed data sheet.
Scenario faster(Scenario scenario, double bandwidth, double compute, double link) {
  HardwareOption& option = scenario.hardware.front();
  option.gpu.bandwidth = option.gpu.bandwidth * bandwidth;
  for (auto& [precision, rate] : option.gpu.peak) {
    rate = rate * compute;
  }
  option.fabric.bandwidth = option.fabric.bandwidth * link;
  option.laws = models::make_cost_laws(option.gpu, option.fabric, nullptr, nullptr, {});
  return scenario;
}

TEST(StepLaw, FasterMachinesNeverTakeLonger) {
  DatasheetFile file;
  const Scenario base = file.load();
  for (const Candidate& candidate :
       {one_gpu(), Candidate{.experts_kept = 128, .gpus = 2, .tensor_parallel = 2},
        Candidate{.experts_kept = 64, .gpus = 2, .data_parallel = 2, .expert_parallel = true}}) {
    for (const RankBatch& batch : steps()) {
      const SimDuration before = price(base, candidate, batch).total();
      EXPECT_LE(price(faster(base, 2, 1, 1), candidate, batch).total(), before);
      EXPECT_LE(price(faster(base, 1, 2, 1), candidate, batch).total(), before);
      EXPECT_LE(price(faster(base, 1, 1, 2), candidate, batch).total(), before);
      EXPECT_LT(price(faster(base, 2, 2, 2), candidate, batch).total(), before);
    }
  }
}

// First come, first served, one request at a time: nothing is batched, so a faster machine answers
// every request no later. With batching no such law holds (which requests share a step changes).
TEST(StepLaw, FasterMachinesAnswerNoLaterWithoutBatching) {
  DatasheetFile file;
  Scenario base = file.load();
  base.engine.max_sequences = 1;
  const auto serve = [](const Scenario& scenario) {
    const auto placed = deploy(scenario, one_gpu());
    const Deployment& deployment = std::get<Deployment>(placed);
    ModelStepCost cost(deployment);
    return run(deployment, full_load(scenario, 0.5), cost);
  };
  const ServingMetrics before = serve(base);
  ASSERT_GT(before.completed, 100);
  for (const auto& [bandwidth, compute] : {std::pair{2.0, 1.0}, {1.0, 2.0}, {1.5, 3.0}}) {
    const ServingMetrics after = serve(faster(base, bandwidth, compute, 1));
    for (const auto& [now, was] :
         {std::pair{after.ttft, before.ttft}, {after.tpot, before.tpot}, {after.e2e, before.e2e}}) {
      EXPECT_LE(now.p50, was.p50);
      EXPECT_LE(now.p99, was.p99);
      EXPECT_LE(now.mean, was.mean);
    }
    EXPECT_LT(after.e2e.mean, before.e2e.mean);
  }
}

TEST(StepLaw, OneGpuExchangesNothing) {
  DatasheetFile file;
  const Scenario scenario = file.load();
  for (const RankBatch& batch : steps()) {
    const PhaseTimes times = price(scenario, one_gpu(), batch);
    EXPECT_EQ(times[Phase::dispatch].picoseconds(), 0);
    EXPECT_EQ(times[Phase::combine].picoseconds(), 0);
    EXPECT_EQ(times[Phase::allreduce].picoseconds(), 0);
    EXPECT_EQ(times.exchange_share(), 0.0);
  }
}

TEST(StepLaw, ReplicatedTokensHaveNoDispatch) {
  DatasheetFile file;
  const Scenario scenario = file.load();
  const PhaseTimes tp =
      price(scenario, {.experts_kept = 128, .gpus = 2, .tensor_parallel = 2}, decode(64, 1000));
  EXPECT_EQ(tp[Phase::dispatch].picoseconds(), 0);
  EXPECT_GT(tp[Phase::combine].picoseconds(), 0);
  EXPECT_GT(tp[Phase::allreduce].picoseconds(), 0);
  const PhaseTimes dp =
      price(scenario, {.experts_kept = 128, .gpus = 2, .data_parallel = 2, .expert_parallel = true},
            decode(64, 1000));
  EXPECT_GT(dp[Phase::dispatch].picoseconds(), 0);
  EXPECT_EQ(dp[Phase::allreduce].picoseconds(), 0) << "attention is not sharded";
}

// Quantised weights leave the residual stream as it is: all-reduces and norms move 16-bit rows.
// Only dispatched rows are quantised before they leave (8-bit inputs): h + h / 128 x 4 bytes for
// 2 h. The more of a message's time is bytes, the nearer dispatch : combine comes to 33 : 64.
TEST(StepLaw, EightBitWeightsKeepSixteenBitRows) {
  DatasheetFile file;
  file.set("model", "{architecture: qwen3-30b-a3b, precision: fp8}");
  const Scenario eight = file.load();
  file.set("model", "{architecture: qwen3-30b-a3b, precision: bf16}");
  const Scenario sixteen = file.load();
  const Candidate tp{.experts_kept = 128, .gpus = 2, .tensor_parallel = 2};
  for (const RankBatch& batch : steps()) {
    const PhaseTimes a = price(eight, tp, batch);
    const PhaseTimes b = price(sixteen, tp, batch);
    EXPECT_EQ(a[Phase::allreduce], b[Phase::allreduce]);
    EXPECT_EQ(a[Phase::combine], b[Phase::combine]);
    EXPECT_EQ(a[Phase::norm], b[Phase::norm]);
    EXPECT_LT(a.total(), b.total());
  }
  const Candidate dp{.experts_kept = 128,
                     .gpus = 2,
                     .data_parallel = 2,
                     .expert_parallel = true,
                     .exchange = Exchange::alltoall_per_expert};
  const auto share = [&](const Scenario& scenario, std::int64_t tokens) {
    const PhaseTimes times = price(scenario, dp, prefill(tokens));
    return to_seconds(times[Phase::dispatch]) / to_seconds(times[Phase::combine]);
  };
  EXPECT_LT(share(eight, 8192), share(eight, 1024));
  EXPECT_GE(share(eight, 8192), 33.0 / 64.0);
  EXPECT_NEAR(share(eight, 8192), 33.0 / 64.0, 0.04);
  EXPECT_DOUBLE_EQ(share(sixteen, 8192), 1.0);
}

// Prompts of one step share their kernels: two of 64 tokens cost less than twice one of 64.
TEST(StepLaw, PromptsOfOneStepShareTheAttentionLaunch) {
  DatasheetFile file;
  const Scenario scenario = file.load();
  RankBatch two = prefill(64);
  two.prefill.push_back({64, 0});
  two.prefill_tokens = 128;
  const SimDuration one = price(scenario, one_gpu(), prefill(64))[Phase::attention];
  const SimDuration both = price(scenario, one_gpu(), two)[Phase::attention];
  EXPECT_GT(both, one);
  // 48 layers, 12 us a launch.
  EXPECT_LT(both, one * 2 - duration_from(microseconds(0.9 * 48 * 12)));
}

TEST(StepLaw, MoreWorkNeverTakesLess) {
  DatasheetFile file;
  const Scenario scenario = file.load();
  for (const Candidate& candidate : {one_gpu(), Candidate{.experts_kept = 128,
                                                .gpus = 4,
                                                .tensor_parallel = 2,
                                                .data_parallel = 2,
                                                .expert_parallel = true}}) {
    SimDuration last;
    for (std::int64_t sequences = 1; sequences <= 256; ++sequences) {
      const SimDuration now = price(scenario, candidate, decode(sequences, 1000)).total();
      EXPECT_GE(now, last) << sequences << " sequences";
      last = now;
    }
    last = SimDuration(0);
    for (std::int64_t context = 100; context < 40000; context = context * 3 / 2) {
      const SimDuration now = price(scenario, candidate, decode(64, context)).total();
      EXPECT_GT(now, last);
      last = now;
    }
  }
}

TEST(StepLaw, FewerExpertsNeverTakeLongerAndWeighExactlyLess) {
  DatasheetFile file;
  file.set("pruning", "{experts_kept: [128, 96, 64, 32], router: reinitialised}");
  const Scenario scenario = file.load();
  // Qwen3-30B-A3B: 48 layers, 3 matrices of 2048 x 768, bf16.
  const double expert_bytes = 48.0 * 3.0 * 2048.0 * 768.0 * 2.0;
  for (const RankBatch& batch : steps()) {
    SimDuration last(std::int64_t{1} << 60);
    Bytes weights(1e18);
    for (const std::int64_t kept : {128, 96, 64, 32}) {
      const SimDuration now = price(scenario, one_gpu(kept), batch).total();
      EXPECT_LE(now, last) << kept << " experts";
      last = now;
      const auto placed = deploy(scenario, one_gpu(kept));
      const MemoryBudget& memory = std::get<Deployment>(placed).memory;
      EXPECT_DOUBLE_EQ(memory.expert_weights.value(), static_cast<double>(kept) * expert_bytes);
      EXPECT_LT(memory.weights(), weights);
      weights = memory.weights();
    }
  }
}

TEST(StepLaw, KeepingAllExpertsIsTheIdentity) {
  // With and without a pruning section; and pruned to 64 against a model that has 64 experts.
  DatasheetFile pruned;
  DatasheetFile plain;
  plain.set("pruning", "");
  const Scenario with = pruned.load();
  const Scenario without = plain.load();
  EXPECT_EQ(without.experts_kept, std::vector<std::int64_t>{128});
  DatasheetFile native;
  native.set("pruning", "");
  models::SmoeArchitecture small = models::with_experts(with.architecture, 64);
  Scenario sixty_four = native.load();
  sixty_four.architecture = small;
  sixty_four.experts_kept = {64};
  const auto layers = routed_layers(small);
  sixty_four.routing = models::RoutedModel(layers, models::ModelRouting::uniform(layers),
                                           models::RouterMode::reinitialised, {64});
  for (const RankBatch& batch : steps()) {
    EXPECT_EQ(price(with, one_gpu(128), batch).total(),
              price(without, one_gpu(128), batch).total());
    EXPECT_EQ(price(with, one_gpu(64), batch).total(),
              price(sixty_four, one_gpu(64), batch).total());
  }
}

TEST(StepLaw, PhasesAddUpAndMemoryAddsUp) {
  DatasheetFile file;
  const Scenario scenario = file.load();
  const auto placed = deploy(scenario, one_gpu());
  const MemoryBudget& m = std::get<Deployment>(placed).memory;
  EXPECT_DOUBLE_EQ((m.expert_weights + m.other_weights + m.activations + m.buffers + m.kv).value(),
                   m.usable.value());
  EXPECT_LE(static_cast<double>(m.kv_blocks * 16) * m.kv_per_token.value(), m.kv.value());
  EXPECT_GT(static_cast<double>((m.kv_blocks + 1) * 16) * m.kv_per_token.value(), m.kv.value());
  // 2 (K and V) x 48 layers x 4 KV heads x 128 x 2 bytes.
  EXPECT_DOUBLE_EQ(m.kv_per_token.value(), 2.0 * 48 * 4 * 128 * 2);
}

TEST(StepLaw, MemoryIsAHardLimitAtTheByte) {
  // Just enough memory for the KV blocks of the longest request works, one block less does not.
  DatasheetFile file;
  Scenario scenario = file.load();
  const auto fits = [&](std::int64_t blocks) {
    scenario.engine.kv_blocks = blocks;
    return std::holds_alternative<Deployment>(deploy(scenario, one_gpu()));
  };
  // Longest: 4000 + 800 tokens hold 4799 in the cache: 300 blocks.
  EXPECT_TRUE(fits(300));
  EXPECT_FALSE(fits(299));
  scenario.engine.kv_blocks.reset();
  scenario.engine.memory_utilization = 0.5;
  const auto placed = deploy(scenario, one_gpu());
  ASSERT_TRUE(std::holds_alternative<Infeasible>(placed));
  EXPECT_EQ(std::get<Infeasible>(placed).code, "memory");
  EXPECT_NE(std::get<Infeasible>(placed).reason.find("expert weights"), std::string::npos);
}

TEST(StepLaw, SplitsThatDoNotDivideSayWhich) {
  DatasheetFile file;
  file.set("hardware", "{gpu: h100-sxm, gpus: [3, 12], profile: datasheet}");
  const Scenario scenario = file.load();
  const auto why = [&](const Candidate& candidate) {
    const auto placed = deploy(scenario, candidate);
    return std::get<Infeasible>(placed);
  };
  const Infeasible heads = why({.experts_kept = 128, .gpus = 3, .tensor_parallel = 3});
  EXPECT_EQ(heads.code, "tensor_parallel");
  EXPECT_NE(heads.reason.find("32 query heads"), std::string::npos);
  const Infeasible experts =
      why({.experts_kept = 128, .gpus = 3, .data_parallel = 3, .expert_parallel = true});
  EXPECT_EQ(experts.code, "expert_parallel");
  EXPECT_NE(experts.reason.find("experts 126 to 127"), std::string::npos);
  EXPECT_EQ(why({.experts_kept = 128, .gpus = 12, .tensor_parallel = 4, .data_parallel = 3}).code,
            "node");
  EXPECT_EQ(why({.experts_kept = 128,
                 .gpus = 2,
                 .data_parallel = 2,
                 .expert_parallel = true,
                 .exchange = Exchange::capacity_padded})
                .code,
            "exchange");
}

TEST(StepLaw, OverloadIsSaidAndNeverAveraged) {
  // 1000 requests/s on one GPU, far above capacity.
  DatasheetFile file;
  const Scenario scenario = file.load();
  const auto result = evaluate(scenario, one_gpu(), full_load(scenario, 1000.0));
  const ServingMetrics& m = std::get<ServingMetrics>(result);
  EXPECT_TRUE(m.overloaded);
  EXPECT_FALSE(meets(m, {.ttft_p99_s = 1e9}));
  EXPECT_EQ(verdict(m, {.ttft_p99_s = 1e9}), Verdict::missed);
}

}  // namespace
}  // namespace moeplan::sim
