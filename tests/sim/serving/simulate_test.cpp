// Whole runs of the serving layer with step prices that can be added up by hand.

#include "sim/serving/simulate.hpp"

#include <gtest/gtest.h>

#include "sim/result/metrics.hpp"
#include "tests/sim/serving/open_runs.hpp"
#include "tests/support/linear_step_cost.hpp"

namespace moeplan::sim {
namespace {

using tests::LinearStepCost;

SimulationSetup closed_setup(std::int32_t users, std::int64_t requests, std::int32_t prompt,
                             std::int32_t output) {
  SimulationSetup setup;
  setup.limits.scheduler = {.max_sequences = 8, .max_batched_tokens = 150, .kv_blocks = 1000};
  setup.mix = {.arrivals = ClosedLoop{users},
               .prompt = FixedLength{prompt},
               .output = FixedLength{output},
               .request_count = requests};
  return setup;
}

SimTime at_ms(double ms) { return SimTime{} + milliseconds(ms); }

TEST(Simulate, TwoRequestsByHand) {
  // step = 1 ms + 0.01 ms x prompt tokens + 0.1 ms x decodes; two prompts of 100, outputs of 3,
  // 150 tokens a step:
  //   step 1: 100 + 50 prompt tokens           1 + 1.5       = 2.5 ms -> 2.5: token 1 of A
  //   step 2: A decodes, B's other 50          1 + 0.5 + 0.1 = 1.6 ms -> 4.1: A 2, B 1
  //   step 3: both decode                      1 + 0.2       = 1.2 ms -> 5.3: A 3 (done), B 2
  //   step 4: B decodes                        1 + 0.1       = 1.1 ms -> 6.4: B 3 (done)
  LinearStepCost cost(milliseconds(1), milliseconds(0.01), milliseconds(0.1));
  const ServingTrace trace = simulate(closed_setup(2, 2, 100, 3), cost);
  ASSERT_EQ(trace.requests.size(), 2u);
  EXPECT_EQ(trace.requests[0].first_token, at_ms(2.5));
  EXPECT_EQ(trace.requests[0].completion, at_ms(5.3));
  EXPECT_EQ(trace.requests[1].first_token, at_ms(4.1));
  EXPECT_EQ(trace.requests[1].completion, at_ms(6.4));
  EXPECT_EQ(trace.steps, 4);
  EXPECT_EQ(trace.end, at_ms(6.4));
  EXPECT_EQ(trace.phases.total(), trace.busy);
  const ServingMetrics m = summarize(trace, {});
  // Gaps: A 1.6 and 1.2 ms, B 1.2 and 1.1 ms.
  EXPECT_EQ(m.itl.count, 4);
  EXPECT_NEAR(m.itl.mean, (1.6 + 1.2 + 1.2 + 1.1) / 4 * 1e-3, 1e-12);
  EXPECT_NEAR(m.tpot.mean, ((5.3 - 2.5) / 2 + (6.4 - 4.1) / 2) / 2 * 1e-3, 1e-12);
  EXPECT_NEAR(m.output_tokens_per_s, 6 / 6.4e-3, 1e-6);
}

// Without chunks, B's prompt of 100 does not fit the 50 tokens that A's leaves of 150 and waits:
//   step 1: A's prompt 1 + 1 = 2 ms   step 2: A decodes, B's prompt 1 + 1 + 0.1 -> 4.1 ms
TEST(Simulate, WholePromptsWaitForRoomInAStep) {
  LinearStepCost cost(milliseconds(1), milliseconds(0.01), milliseconds(0.1));
  SimulationSetup setup = closed_setup(2, 2, 100, 3);
  setup.limits.scheduler.chunked_prefill = false;
  const ServingTrace trace = simulate(setup, cost);
  EXPECT_EQ(trace.requests[0].first_token, at_ms(2));
  EXPECT_EQ(trace.requests[1].scheduled, at_ms(2));
  EXPECT_EQ(trace.requests[1].first_token, at_ms(4.1));
}

TEST(Simulate, SerialClosedBatchTakesTheSumOfItsSteps) {
  // One user: request after request, each 1 prefill step (1 + 0.5 ms) and 4 decodes (1.1 ms).
  LinearStepCost cost(milliseconds(1), milliseconds(0.01), milliseconds(0.1));
  const ServingTrace trace = simulate(closed_setup(1, 7, 50, 5), cost);
  EXPECT_EQ(trace.end, at_ms(7 * (1.5 + 4 * 1.1)));
  EXPECT_EQ(trace.steps, 7 * 5);
}

// Two users, one answer of 2 tokens and one of 3, prompts of 50; a step takes 1 ms + 0.5 ms a
// prompt. Both prefill until 2 ms, the short answer ends at 3 ms. Its user's next request is in the
// step that begins there (1.5 ms), unless the user pauses: then it waits for the long answer's last
// token at 4 ms.
TEST(Simulate, AThinkingUserMissesTheStepThatBeginsAtTheCompletion) {
  LinearStepCost cost(milliseconds(1), milliseconds(0.01), Seconds(0));
  const auto run = [&](double think_ms) {
    SimulationSetup setup = closed_setup(2, 3, 50, 3);
    setup.mix.output = UniformLength(2, 3);
    setup.mix.arrivals = ClosedLoop{2, milliseconds(think_ms)};
    return simulate(setup, cost);
  };
  const ServingTrace eager = run(0.0);
  const ServingTrace thinking = run(0.1);
  ASSERT_NE(eager.requests[0].output_tokens, eager.requests[1].output_tokens) << "choose a seed";
  EXPECT_EQ(eager.requests[2].arrival, at_ms(3));
  EXPECT_EQ(eager.requests[2].first_token, at_ms(4.5));
  EXPECT_EQ(thinking.requests[2].arrival, at_ms(3.1));
  EXPECT_EQ(thinking.requests[2].first_token, at_ms(5.5));
}

TEST(Simulate, PreemptedTokensAreLateAndRecomputed) {
  // The scheduler test's case in time: 4 blocks, two prompts of 32, outputs of 3; 1 ms a step.
  //   1: both prefill, both emit token 1 (1 ms)   2: A token 2, B preempted (2 ms)
  //   3: A token 3, done (3 ms)                    4: B recomputed, token 2 (4 ms)  5: B done
  LinearStepCost cost(milliseconds(1), Seconds(0), Seconds(0));
  SimulationSetup setup = closed_setup(2, 2, 32, 3);
  setup.limits.scheduler.kv_blocks = 4;
  const ServingTrace trace = simulate(setup, cost);
  EXPECT_EQ(trace.preemptions, 1);
  EXPECT_EQ(trace.requests[1].preemptions, 1);
  EXPECT_EQ(trace.requests[1].completion, at_ms(5));
  EXPECT_EQ(trace.recomputed_tokens, 32);
  const ServingMetrics m = summarize(trace, {});
  // Gaps: A 1, 1; B 3 (steps 1 to 4), 1.
  EXPECT_EQ(m.itl.count, 4);
  EXPECT_NEAR(m.itl.max, 3e-3, 1e-12);
  EXPECT_NEAR(m.itl.mean, 6e-3 / 4, 1e-12);
  EXPECT_EQ(trace.blocks_at_end, 0);
}

TEST(Simulate, RequestsThatCannotBeServedAreRejectedWithTheirReason) {
  LinearStepCost cost(milliseconds(1), Seconds(0), Seconds(0));
  SimulationSetup setup = closed_setup(1, 3, 32, 3);
  setup.limits.scheduler.kv_blocks = 2;  // 34 tokens need 3 blocks
  ServingTrace trace = simulate(setup, cost);
  for (const RequestRecord& request : trace.requests) {
    EXPECT_EQ(request.status, RequestStatus::rejected_too_large);
  }
  setup.limits.scheduler.kv_blocks = 3;
  setup.limits.max_model_length = 34;
  trace = simulate(setup, cost);
  EXPECT_EQ(trace.requests.front().status, RequestStatus::rejected_too_long);
  setup.limits.max_model_length = 35;
  EXPECT_EQ(simulate(setup, cost).requests.front().status, RequestStatus::completed);
}

TEST(Simulate, DataParallelRanksStepTogether) {
  // Two ranks, one request each: a step lasts as long as the slower rank's.
  LinearStepCost cost(milliseconds(1), milliseconds(0.01), milliseconds(0.1));
  SimulationSetup setup = closed_setup(2, 2, 100, 3);
  setup.limits.data_parallel = 2;
  const ServingTrace trace = simulate(setup, cost);
  // Both prompts run at once: 1 + 1 = 2 ms, then two decode steps of 1.1 ms.
  EXPECT_EQ(trace.requests[0].first_token, at_ms(2));
  EXPECT_EQ(trace.requests[1].first_token, at_ms(2));
  EXPECT_EQ(trace.requests[1].completion, at_ms(4.2));
}

// Conservation, causality and Little's law on random open runs (tests.md C2 1, 2, 4, 5, 6, 7, 13).
TEST(Simulate, RandomRunsKeepTheInvariants) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    LinearStepCost cost(milliseconds(2), milliseconds(0.02), milliseconds(0.05));
    SimulationSetup setup = tests::open_run(seed);
    setup.replicas = static_cast<std::int32_t>(1 + seed % 3);
    tests::expect_invariants(setup, simulate(setup, cost));
  }
}

TEST(Simulate, SameSeedSameTraceAnotherSeedAnother) {
  LinearStepCost cost(milliseconds(2), milliseconds(0.02), milliseconds(0.05));
  SimulationSetup setup = closed_setup(3, 50, 40, 9);
  setup.mix.prompt = LogNormalLength::from_median(80, 0.8, 1, 400);
  const auto ends = [&](std::uint64_t seed) {
    setup.seed = seed;
    std::vector<std::int64_t> result;
    for (const RequestRecord& r : simulate(setup, cost).requests) {
      result.push_back(r.completion.picoseconds());
    }
    return result;
  };
  EXPECT_EQ(ends(5), ends(5));
  EXPECT_NE(ends(5), ends(6));
}

TEST(Simulate, JitterKeepsTheMeanAndMovesTheSteps) {
  // 2000 decode steps of 1 ms, sd 0.2: mean 1 ms within 3 x 0.2 / sqrt(2000) = 1.3 %.
  LinearStepCost cost(milliseconds(1), Seconds(0), Seconds(0));
  SimulationSetup setup = closed_setup(1, 1, 10, 2000);
  setup.limits.jitter = 0.2;
  const ServingTrace trace = simulate(setup, cost);
  EXPECT_NEAR(in_seconds(trace.busy), 2.0, 0.027);
  EXPECT_NE(trace.busy, duration_from(milliseconds(2000)));
}

}  // namespace
}  // namespace moeplan::sim
