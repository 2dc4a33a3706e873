// Is what data-parallel ranks lose by waiting for each other what a person works out by hand?

#include "sim/result/lock_step.hpp"

#include <gtest/gtest.h>

#include "sim/result/metrics.hpp"
#include "sim/serving/model_step_cost.hpp"
#include "sim/serving/pipeline_step_cost.hpp"
#include "sim/serving/simulate.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

// A step: host 1 ms, and every rank 1 ms for each of its tokens.
class MillisecondATokenCost : public StepCost {
 public:
  PhaseTimes cost(std::span<const RankBatch> ranks) override {
    std::int64_t largest = 0;
    std::int64_t tokens = 0;
    for (const RankBatch& rank : ranks) {
      largest = std::max(largest, rank.tokens());
      tokens += rank.tokens();
    }
    const auto count = static_cast<std::int64_t>(ranks.size());
    last_.slowest = kToken * largest;
    last_.waiting = SimDuration(kToken.picoseconds() * (largest * count - tokens) / count);
    PhaseTimes times;
    times.set(Phase::host, kToken);
    times.set(Phase::projection, last_.slowest);
    return times;
  }
  LockStep lock_step() const override { return last_; }

 private:
  const SimDuration kToken = duration_from(milliseconds(1));
  LockStep last_;
};

// `users` at once, prompts of 6 tokens, answers of 2; two ranks.
LockStepUse use_of(std::int32_t users, std::int32_t stages = 1) {
  SimulationSetup setup;
  setup.limits.scheduler = {.max_sequences = 8, .max_batched_tokens = 150, .kv_blocks = 1000};
  setup.limits.data_parallel = 2;
  setup.limits.pipeline_parallel = stages;
  setup.limits.jitter = 0.2;  // changes durations, not what was lost of them
  setup.mix = {.arrivals = ClosedLoop{users},
               .prompt = FixedLength{6},
               .output = FixedLength{2},
               .request_count = users};
  MillisecondATokenCost cost;
  return summarize(simulate(setup, cost), {}).lock_step.value();
}

// One request: the second rank runs dummies.   tokens   step    slowest  waits (mean of 6 and 0)
//   step 1: the prompt                          6 | 0   7 ms    6 ms     3 ms
//   step 2: a decode                            1 | 0   2 ms    1 ms     0.5 ms
TEST(LockStep, ARankWithoutWorkRunsDummies) {
  for (const std::int32_t stages : {1, 2}) {  // one part a step: stages change nothing
    const LockStepUse use = use_of(1, stages);
    EXPECT_EQ(use.dummy_batches, 2);
    EXPECT_DOUBLE_EQ(use.dummy_fraction, 2.0 / 4.0);
    EXPECT_DOUBLE_EQ(use.steps_with_dummy_fraction, 1.0);
    EXPECT_NEAR(use.idle_fraction, 3.5 / 9.0, 1e-12);
    EXPECT_NEAR(use.own_work_idle_fraction, 3.5 / 7.0, 1e-12);
    EXPECT_DOUBLE_EQ(use.largest_over_mean_tokens, 2.0);
  }
}

// Three requests: two on the first rank.        tokens   step    slowest  waits
//   step 1: prompts                             12 | 6   13 ms   12 ms    3 ms
//   step 2: decodes                              2 | 1    3 ms    2 ms    0.5 ms
TEST(LockStep, UnevenRanksByHand) {
  const LockStepUse use = use_of(3);
  EXPECT_EQ(use.dummy_batches, 0);
  EXPECT_EQ(use.steps_with_dummy_fraction, 0.0);
  EXPECT_NEAR(use.idle_fraction, 3.5 / 16.0, 1e-12);
  EXPECT_NEAR(use.own_work_idle_fraction, 3.5 / 14.0, 1e-12);
  EXPECT_DOUBLE_EQ(use.largest_over_mean_tokens, 14.0 / (21.0 / 2.0));
}

TEST(LockStep, EqualRanksLoseNothing) {
  const LockStepUse use = use_of(2);
  EXPECT_EQ(use.idle_fraction, 0.0);
  EXPECT_EQ(use.own_work_idle_fraction, 0.0);
  EXPECT_EQ(use.dummy_batches, 0);
  EXPECT_DOUBLE_EQ(use.largest_over_mean_tokens, 1.0);
}

TEST(LockStep, OneRankHasNobodyToWaitFor) {
  SimulationSetup setup;
  setup.limits.scheduler = {.max_sequences = 8, .max_batched_tokens = 150, .kv_blocks = 1000};
  setup.mix = {.arrivals = ClosedLoop{2},
               .prompt = FixedLength{6},
               .output = FixedLength{2},
               .request_count = 2};
  MillisecondATokenCost cost;
  EXPECT_EQ(simulate(setup, cost).lock_step, LockStepTotals{});
  EXPECT_FALSE(summarize(simulate(setup, cost), {}).lock_step.has_value());
}

RankBatch prompt(std::int64_t tokens) {
  return {.decode_sequences = 0,
          .decode_kv_tokens = 0,
          .prefill_tokens = tokens,
          .sampled = 1,
          .prefill = {{tokens, 0}}};
}

// Own work is every phase but the host's, experts and their exchange; waiting is the difference of
// own works. Steps above the captured sizes, so that no rank is padded to another one's tokens.
TEST(LockStep, ModelsWaitForTheDifferenceOfTheirOwnWork) {
  const Scenario scenario = tests::ScenarioFile()
                                .set("pruning", "")
                                .set("hardware", "{gpu: h100-sxm, gpus: [2, 4]}")
                                .load();
  for (const int stages : {1, 2}) {
    Candidate c;
    c.experts_kept = scenario.pretrained_experts();
    c.data_parallel = 2;
    c.pipeline_parallel = stages;
    c.gpus = 2 * stages;
    c.expert_parallel = true;
    const auto placed = deploy(scenario, c);
    ASSERT_TRUE(std::holds_alternative<Deployment>(placed));
    const auto cost = make_step_cost(std::get<Deployment>(placed));
    const auto own_of = [&](std::int64_t tokens) {
      const PhaseTimes times = cost->cost(std::vector<RankBatch>{prompt(tokens), {}});
      SimDuration own = times.total();
      for (const Phase shared :
           {Phase::host, Phase::launch, Phase::expert, Phase::dispatch, Phase::combine}) {
        own -= times[shared];
      }
      EXPECT_EQ(cost->lock_step().slowest, own);
      // Half of it: one rank works, the other waits. Rounded down on every stage.
      EXPECT_NEAR(in_seconds(cost->lock_step().waiting), in_seconds(own) / 2.0, stages * 1e-12);
      return own;
    };
    const SimDuration large = own_of(4000);
    const SimDuration small = own_of(1000);
    ASSERT_GT(large, small);
    cost->cost(std::vector<RankBatch>{prompt(1000), prompt(4000)});
    EXPECT_EQ(cost->lock_step().slowest, large);
    EXPECT_NEAR(in_seconds(cost->lock_step().waiting), in_seconds(large - small) / 2.0,
                stages * 1e-12);
    cost->cost(std::vector<RankBatch>{prompt(4000), prompt(4000)});
    EXPECT_EQ(cost->lock_step().waiting, SimDuration(0));
  }
}

}  // namespace
}  // namespace moeplan::sim
