// Does the scheduler batch, chunk, allocate and preempt as serving.md 3 says? Every expected batch
// is worked out in the comment above it.

#include "sim/serving/scheduler.hpp"

#include <gtest/gtest.h>

#include "sim/engine/random_stream.hpp"

namespace moeplan::sim {
namespace {

// Runs one step; returns the batch that was run.
RankBatch step(Scheduler& scheduler, StepOutcome& outcome, std::int64_t number) {
  outcome.clear();
  const RankBatch batch = scheduler.schedule(outcome);
  scheduler.finish_step(number, outcome);
  return batch;
}

TEST(Scheduler, PromptIsChunkedByTheTokenBudgetAndEmitsWithItsLastChunk) {
  Scheduler scheduler({.max_sequences = 8, .max_batched_tokens = 100, .kv_blocks = 100});
  StepOutcome outcome;
  scheduler.enqueue(0, 250, 2);
  // 250 = 100 + 100 + 50: the first two steps emit nothing.
  EXPECT_EQ(step(scheduler, outcome, 0).prefill_tokens, 100);
  EXPECT_TRUE(outcome.first_token.empty());
  const RankBatch second = step(scheduler, outcome, 1);
  EXPECT_EQ(second.prefill.front().history, 100);
  EXPECT_EQ(second.sampled, 0);
  const RankBatch third = step(scheduler, outcome, 2);
  EXPECT_EQ(third.prefill_tokens, 50);
  EXPECT_EQ(third.sampled, 1);
  EXPECT_EQ(outcome.first_token.size(), 1u);
  // The decode step attends to 250 cached tokens and the new one, and ends the request.
  const RankBatch decode = step(scheduler, outcome, 3);
  EXPECT_EQ(decode.decode_sequences, 1);
  EXPECT_EQ(decode.decode_kv_tokens, 251);
  EXPECT_EQ(outcome.completed.size(), 1u);
  EXPECT_EQ(scheduler.used_blocks(), 0);
  EXPECT_FALSE(scheduler.has_work());
}

TEST(Scheduler, DecodesComeFirstAndPrefillFillsTheRest) {
  Scheduler scheduler({.max_sequences = 8, .max_batched_tokens = 64, .kv_blocks = 100});
  StepOutcome outcome;
  scheduler.enqueue(0, 16, 10);
  step(scheduler, outcome, 0);
  scheduler.enqueue(1, 200, 2);
  // One decode token leaves 63 of 64 for the new prompt.
  const RankBatch batch = step(scheduler, outcome, 1);
  EXPECT_EQ(batch.decode_sequences, 1);
  EXPECT_EQ(batch.prefill_tokens, 63);
  EXPECT_EQ(batch.tokens(), 64);
}

TEST(Scheduler, SequenceSlotsAreALimit) {
  Scheduler scheduler({.max_sequences = 2, .max_batched_tokens = 1000, .kv_blocks = 100});
  StepOutcome outcome;
  for (int i = 0; i < 3; ++i) {
    scheduler.enqueue(i, 10, 5);
  }
  EXPECT_EQ(step(scheduler, outcome, 0).sequences(), 2);
  EXPECT_TRUE(outcome.waited_for_slot);
  EXPECT_EQ(scheduler.waiting(), 1);
}

TEST(Scheduler, OutOfBlocksTheLastRunningRequestIsRecomputed) {
  // 4 blocks of 16 tokens. Two prompts of 32 take 2 blocks each; the first decode token of request
  // 0 needs a fifth block, so request 1 loses its cache and waits at the front.
  Scheduler scheduler({.max_sequences = 8, .max_batched_tokens = 1000, .kv_blocks = 4});
  StepOutcome outcome;
  scheduler.enqueue(0, 32, 3);
  scheduler.enqueue(1, 32, 3);
  EXPECT_EQ(step(scheduler, outcome, 0).sequences(), 2);
  EXPECT_EQ(scheduler.used_blocks(), 4);
  EXPECT_EQ(step(scheduler, outcome, 1).decode_sequences, 1);
  ASSERT_EQ(outcome.preempted.size(), 1u);
  EXPECT_EQ(outcome.preempted.front(), 1);
  EXPECT_EQ(scheduler.used_blocks(), 3);
  // Request 0 emits its third token in step 2 and frees its blocks; request 1 must not be admitted
  // before (33 tokens need 3 blocks, 1 is free).
  EXPECT_EQ(step(scheduler, outcome, 2).sequences(), 1);
  EXPECT_TRUE(outcome.waited_for_blocks);
  EXPECT_EQ(outcome.completed.size(), 1u);
  // Request 1 recomputes 32 prompt tokens and its one emitted token, then emits token 2.
  const RankBatch recompute = step(scheduler, outcome, 3);
  EXPECT_EQ(recompute.prefill_tokens, 33);
  EXPECT_EQ(outcome.recomputed_tokens, 32);
  EXPECT_EQ(outcome.new_prompt_tokens, 0);
  EXPECT_EQ(outcome.decode_tokens, 0);
  ASSERT_EQ(outcome.late_tokens.size(), 1u);
  EXPECT_EQ(outcome.late_tokens.front().previous_step, 0);
}

TEST(Scheduler, ARequestThatCannotFitIsABugToQueue) {
  Scheduler scheduler({.max_sequences = 8, .max_batched_tokens = 1000, .kv_blocks = 4});
  // 60 + 5 - 1 = 64 tokens fill 4 blocks exactly; one more does not fit.
  EXPECT_NO_THROW(scheduler.enqueue(0, 60, 5));
  EXPECT_THROW(scheduler.enqueue(1, 60, 6), std::logic_error);
}

// Random small schedulers: memory is conserved at every step, every request ends, every token is
// emitted once.
TEST(Scheduler, RandomLoadsKeepTheInvariants) {
  for (std::int64_t trial = 0; trial < 300; ++trial) {
    RandomStream random(7, "scheduler test", {trial});
    const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random.below(n)); };
    const SchedulerLimits limits{.max_sequences = 1 + below(6),
                                 .max_batched_tokens = 1 + below(80),
                                 .kv_blocks = 4 + below(12)};
    Scheduler scheduler(limits);
    StepOutcome outcome;
    std::int64_t emitted = 0;
    std::int64_t wanted = 0;
    std::int64_t completed = 0;
    std::int64_t prompts = 0;
    std::int64_t prompted = 0;
    const std::int64_t requests = 1 + below(12);
    for (std::int64_t i = 0; i < requests; ++i) {
      const auto prompt = static_cast<std::int32_t>(1 + below(40));
      const auto output = static_cast<std::int32_t>(1 + below(24));
      wanted += output;
      prompts += prompt;
      scheduler.enqueue(static_cast<std::int32_t>(i), prompt, output);
    }
    std::int64_t number = 0;
    while (scheduler.has_work()) {
      ASSERT_LT(number, 20000) << "trial " << trial << ": no end in sight";
      const RankBatch batch = step(scheduler, outcome, number++);
      ASSERT_GT(batch.tokens(), 0);
      ASSERT_LE(batch.tokens(), limits.max_batched_tokens);
      ASSERT_LE(batch.sequences(), limits.max_sequences);
      ASSERT_LE(scheduler.used_blocks(), limits.kv_blocks);
      emitted += outcome.decode_tokens + static_cast<std::int64_t>(outcome.first_token.size()) +
                 static_cast<std::int64_t>(outcome.late_tokens.size());
      completed += static_cast<std::int64_t>(outcome.completed.size());
      prompted += outcome.new_prompt_tokens;
    }
    EXPECT_EQ(completed, requests) << "trial " << trial;
    EXPECT_EQ(emitted, wanted) << "trial " << trial;
    EXPECT_EQ(prompted, prompts) << "trial " << trial;
    EXPECT_EQ(scheduler.used_blocks(), 0) << "trial " << trial;
  }
}

}  // namespace
}  // namespace moeplan::sim
