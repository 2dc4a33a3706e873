// Designs at their limits: nothing but the network, nothing but the estimate, other words for the
// same numbers (tests.md C2 16, 18, 19, 28). Qwen3-30B-A3B on data-sheet laws: 48 MoE layers,
// hidden size 2048, 128 experts, bf16.

#include <gtest/gtest.h>

#include <cmath>

#include "sim/evaluate.hpp"
#include "sim/plan/design.hpp"
#include "sim/serving/model_step_cost.hpp"
#include "tests/laws/planning/batches.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using models::Collective;
using tests::decode;
using tests::prefill;
using tests::ScenarioFile;

const Candidate kTwoRanks{
    .experts_kept = 128, .gpus = 2, .data_parallel = 2, .expert_parallel = true};

Scenario datasheet() {
  return ScenarioFile().set("hardware", "{gpu: h100-sxm, gpus: 2, profile: datasheet}").load();
}

// The scenario on a GPU whose memory and arithmetic take no time.
Scenario without_compute(Scenario scenario) {
  HardwareOption& option = scenario.hardware.front();
  option.gpu.bandwidth = option.gpu.bandwidth * 1e9;
  for (auto& [precision, rate] : option.gpu.peak) {
    rate = rate * 1e9;
  }
  option.laws = models::make_cost_laws(option.gpu, option.fabric, nullptr, nullptr, {});
  return scenario;
}

// Exchange of the fullest of two ranks, by the collective model alone: every rank's rows and router
// logits (128 of 2 bytes) to all, and the sums back; 48 layers.
SimDuration dispatch_of(const Deployment& d, std::int64_t largest) {
  const double bytes = 2.0 * static_cast<double>(largest) * (2048.0 * 2.0 + 128.0 * 2.0);
  return duration_from(
      d.hardware().laws.collective.estimate(Collective::all_gather, 2, Bytes(bytes)).duration *
      48.0);
}
SimDuration combine_of(const Deployment& d, std::int64_t largest) {
  const double bytes = 2.0 * static_cast<double>(largest) * 2048.0 * 2.0;
  return duration_from(
      d.hardware().laws.collective.estimate(Collective::reduce_scatter, 2, Bytes(bytes)).duration *
      48.0);
}

// C2 19: without time for compute a step is its exchange, and that is the collective model's.
TEST(ZeroCompute, LeavesTheExchangeOfTheCollectiveModel) {
  const Scenario base = datasheet();
  const Scenario fast = without_compute(base);
  const auto placed_base = deploy(base, kTwoRanks);
  const auto placed_fast = deploy(fast, kTwoRanks);
  const auto& deployment = std::get<Deployment>(placed_fast);
  ModelStepCost slow_cost(std::get<Deployment>(placed_base));
  ModelStepCost cost(deployment);
  for (const RankBatch& batch : {decode(1, 100), decode(64, 1000), prefill(64), prefill(8192)}) {
    const std::vector<RankBatch> ranks(2, batch);
    const PhaseTimes times = cost.cost(ranks);
    EXPECT_EQ(times[Phase::dispatch], dispatch_of(deployment, batch.tokens()));
    EXPECT_EQ(times[Phase::combine], combine_of(deployment, batch.tokens()));
    const PhaseTimes slow = slow_cost.cost(ranks);
    EXPECT_EQ(slow[Phase::dispatch], times[Phase::dispatch]) << "compute moves no exchange";
    EXPECT_EQ(slow[Phase::combine], times[Phase::combine]);
    EXPECT_LT(times[Phase::expert], slow[Phase::expert]);
  }
  // Experts keep their launches alone: however many tokens, the same time.
  const auto experts = [&](std::int64_t tokens) {
    return cost.cost(std::vector<RankBatch>(2, prefill(tokens)))[Phase::expert];
  };
  EXPECT_NEAR(in_seconds(experts(8192)), in_seconds(experts(64)), 1e-9);
}

// The steps of a deployment of which only the exchange takes time; it notes what ran.
class ExchangeOnly : public StepCost {
 public:
  explicit ExchangeOnly(const Deployment& deployment) : cost_(deployment) {}
  PhaseTimes cost(std::span<const RankBatch> ranks) override {
    const PhaseTimes all = cost_.cost(ranks);
    PhaseTimes times;
    times.set(Phase::dispatch, all[Phase::dispatch]);
    times.set(Phase::combine, all[Phase::combine]);
    std::int64_t largest = 0;
    for (const RankBatch& rank : ranks) {
      largest = std::max(largest, rank.tokens());
    }
    steps_.push_back(largest);
    return times;
  }
  const std::vector<std::int64_t>& steps() const { return steps_; }

 private:
  ModelStepCost cost_;
  std::vector<std::int64_t> steps_;  // tokens of the fullest rank
};

// C2 19 and 12: a batch at once on such an engine ends with the sum of its collectives.
TEST(ZeroCompute, ARunIsTheReplayOfItsExchanges) {
  Scenario scenario = datasheet();
  scenario.engine.graph_sizes.clear();  // steps exchange what they have, not a captured size
  const auto placed = deploy(scenario, kTwoRanks);
  const auto& deployment = std::get<Deployment>(placed);
  ExchangeOnly cost(deployment);
  SimulationSetup setup = setup_of(deployment, full_load(scenario, 10.0));
  setup.mix.arrivals = ClosedLoop{60};
  setup.mix.request_count = 60;
  const ServingTrace trace = simulate(setup, cost);
  SimDuration sum;
  for (const std::int64_t largest : cost.steps()) {
    sum += dispatch_of(deployment, largest) + combine_of(deployment, largest);
  }
  ASSERT_EQ(static_cast<std::int64_t>(cost.steps().size()), trace.steps);
  EXPECT_GT(trace.steps, 100);
  EXPECT_EQ(trace.end, SimTime() + sum);
  EXPECT_EQ(trace.phases.exchange_share(), 1.0);
}

// C2 18: an endless fabric without latency leaves the start of each collective, whatever its size:
// its launch and the one step of a ring of two.
TEST(ZeroCommunication, LeavesTheLaunchesOfTheCollectives) {
  Scenario scenario = datasheet();
  HardwareOption& option = scenario.hardware.front();
  option.fabric.bandwidth = option.fabric.bandwidth * 1e30;
  option.fabric.latency = Seconds(0);
  option.laws = models::make_cost_laws(option.gpu, option.fabric, nullptr, nullptr, {});
  const auto placed = deploy(scenario, kTwoRanks);
  ModelStepCost cost(std::get<Deployment>(placed));
  const SimDuration launches =
      duration_from(Seconds(models::kCollectiveLaunch + models::kRingStep) * 48.0);
  for (const std::int64_t tokens : {1, 64, 8192}) {
    const PhaseTimes times = cost.cost(std::vector<RankBatch>(2, prefill(tokens)));
    EXPECT_NEAR(in_seconds(times[Phase::dispatch]), in_seconds(launches), 1e-12);
    EXPECT_NEAR(in_seconds(times[Phase::combine]), in_seconds(launches), 1e-12);
  }
}

// C2 16: the same numbers in other units are the same scenario.
TEST(UnitChange, GivesTheSameRun) {
  const auto run = [](const char* engine, const char* workload, const char* objectives) {
    const Scenario scenario = ScenarioFile()
                                  .set("engine", engine)
                                  .set("workload", workload)
                                  .set("objectives", objectives)
                                  .load();
    const auto placed = deploy(scenario, {.experts_kept = 64});
    const auto& deployment = std::get<Deployment>(placed);
    EXPECT_EQ(scenario.objectives.latency.ttft_p99_s, 2.0);
    ModelStepCost cost(deployment);
    const ServingTrace trace = simulate(setup_of(deployment, full_load(scenario, 8.0)), cost);
    return std::tuple(trace.requests, trace.busy, deployment.memory.kv_blocks,
                      in_per_second(scenario.workload.rate));
  };
  const auto base = run("{host_time: 2 ms, buffer_memory: 2 GiB}",
                        "{rate: 60 requests/s, requests: 300, input_tokens: {tokens: 500}, "
                        "output_tokens: {tokens: 60}}",
                        "{ttft_p99: 2 s, tpot_p99: 50 ms}");
  const auto other = run("{host_time: 2000 us, buffer_memory: 2048 MiB}",
                         "{rate: 3600 requests/min, requests: 300, input_tokens: {tokens: 500}, "
                         "output_tokens: {tokens: 60}}",
                         "{ttft_p99: 2000 ms, tpot_p99: 50000 us}");
  EXPECT_EQ(base, other);
  // And it sees a change: 2 ms of host time are 2 ms.
  const auto slower = run("{host_time: 2.5 ms, buffer_memory: 2 GiB}",
                          "{rate: 60 requests/s, requests: 300, input_tokens: {tokens: 500}, "
                          "output_tokens: {tokens: 60}}",
                          "{ttft_p99: 2 s, tpot_p99: 50 ms}");
  EXPECT_NE(std::get<1>(base), std::get<1>(slower));
}

// C2 28: the band of the laws' errors. Without error it is the estimate; a wider quantile holds the
// narrower one, step by step.
TEST(LawErrors, NestAroundTheEstimate) {
  const Scenario scenario = datasheet();
  for (const Candidate& candidate : {Candidate{.experts_kept = 128}, kTwoRanks}) {
    const auto placed = deploy(scenario, candidate);
    const auto& deployment = std::get<Deployment>(placed);
    const auto step = [&](double law_error, const RankBatch& batch) {
      ModelStepCost cost(deployment, law_error);
      const std::vector<RankBatch> ranks(static_cast<std::size_t>(candidate.data_parallel), batch);
      return cost.cost(ranks).total();
    };
    for (const RankBatch& batch : {decode(1, 100), decode(64, 1000), prefill(2048)}) {
      SimDuration low = step(0.0, batch);
      SimDuration high = low;
      EXPECT_EQ(ModelStepCost(deployment)
                    .cost(std::vector<RankBatch>(static_cast<std::size_t>(candidate.data_parallel),
                                                 batch))
                    .total(),
                low);
      for (const double quantile : {0.5, 1.0, 1.645, 2.5}) {
        EXPECT_LT(step(-quantile, batch), low);
        EXPECT_GT(step(quantile, batch), high);
        low = step(-quantile, batch);
        high = step(quantile, batch);
      }
    }
  }
}

TEST(LawErrors, WithoutSpreadTheBandIsThePoint) {
  Scenario scenario = ScenarioFile()
                          .set("hardware", "{gpu: h100-sxm, gpus: 1, profile: datasheet}")
                          .set("workload",
                               "{rate: 8 requests/s, requests: 300, input_tokens: "
                               "{tokens: 500}, output_tokens: {tokens: 60}}")
                          .load();
  const auto spread = [&](double factor) {
    Scenario changed = scenario;
    for (models::LawInfo& info : changed.hardware.front().laws.infos) {
      info.discrepancy_sd_log *= factor;
    }
    const auto assessed = assess(changed, {.experts_kept = 64}, 1);
    const Design& design = std::get<Design>(assessed);
    const ErrorBand band = error_band(changed, design);
    EXPECT_LE(band.fast.tpot.p50, design.metrics.tpot.p50);
    EXPECT_GE(band.slow.tpot.p50, design.metrics.tpot.p50);
    if (factor == 0.0) {
      EXPECT_EQ(band.fast.ttft, design.metrics.ttft);
      EXPECT_EQ(band.slow.ttft, design.metrics.ttft);
      EXPECT_EQ(band.fast.tpot, band.slow.tpot);
      EXPECT_EQ(band.replicas_fast, band.replicas_slow);
    }
    return band.slow.tpot.p50 - band.fast.tpot.p50;
  };
  EXPECT_EQ(spread(0.0), 0.0);
  const double half = spread(0.5);
  EXPECT_GT(half, 0.0);
  EXPECT_GT(spread(1.0), half);
}

}  // namespace
}  // namespace moeplan::sim
