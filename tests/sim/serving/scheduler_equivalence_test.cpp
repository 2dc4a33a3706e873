// Scheduler takes a shortcut; PlainScheduler touches every sequence in every step. On thousands of
// random small cases (tight memory, tiny budgets, requests arriving in between) every batch and
// every outcome must be the same.

#include <gtest/gtest.h>

#include "sim/engine/random_stream.hpp"
#include "sim/serving/plain_scheduler.hpp"
#include "sim/serving/scheduler.hpp"

namespace moeplan::sim {

bool operator==(const PrefillPiece& a, const PrefillPiece& b) {
  return a.chunk == b.chunk && a.history == b.history;
}
bool operator==(const LateToken& a, const LateToken& b) {
  return a.request == b.request && a.previous_step == b.previous_step;
}

namespace {

void expect_same(const RankBatch& a, const RankBatch& b) {
  ASSERT_EQ(a.decode_sequences, b.decode_sequences);
  ASSERT_EQ(a.decode_kv_tokens, b.decode_kv_tokens);
  ASSERT_EQ(a.prefill_tokens, b.prefill_tokens);
  ASSERT_EQ(a.sampled, b.sampled);
  ASSERT_EQ(a.prefill, b.prefill);
}

void expect_same(const StepOutcome& a, const StepOutcome& b) {
  ASSERT_EQ(a.first_scheduled, b.first_scheduled);
  ASSERT_EQ(a.resumed, b.resumed);
  ASSERT_EQ(a.first_token, b.first_token);
  ASSERT_EQ(a.completed, b.completed);
  ASSERT_EQ(a.preempted, b.preempted);
  ASSERT_EQ(a.late_tokens, b.late_tokens);
  ASSERT_EQ(a.decode_tokens, b.decode_tokens);
  ASSERT_EQ(a.recomputed_tokens, b.recomputed_tokens);
  ASSERT_EQ(a.new_prompt_tokens, b.new_prompt_tokens);
  ASSERT_EQ(a.waited_for_blocks, b.waited_for_blocks);
  ASSERT_EQ(a.waited_for_slot, b.waited_for_slot);
}

struct Seen {
  std::int64_t preemptions = 0;
  std::int64_t late = 0;
  std::int64_t partial = 0;
};

void compare(std::int64_t trial, Seen& seen) {
  RandomStream random(3, "equivalence", {trial});
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random.below(n)); };
  const SchedulerLimits limits{.max_sequences = 1 + below(9),
                               .max_batched_tokens = 1 + below(trial % 2 == 0 ? 12 : 120),
                               .kv_blocks = 5 + below(trial % 3 == 0 ? 6 : 40)};
  Scheduler fast(limits);
  PlainScheduler plain(limits);
  StepOutcome a;
  StepOutcome b;
  std::int64_t left = 1 + below(25);
  std::int32_t next = 0;
  std::int64_t step = 0;
  while (left > 0 || plain.has_work()) {
    const std::int64_t arrivals = step == 0 ? 1 : below(3);
    for (std::int64_t i = 0; i < arrivals && left > 0; ++i, --left) {
      const auto prompt = static_cast<std::int32_t>(1 + below(45));
      const auto output = static_cast<std::int32_t>(1 + below(35));
      fast.enqueue(next, prompt, output);
      plain.enqueue(next++, prompt, output);
    }
    a.clear();
    b.clear();
    const RankBatch& from_fast = fast.schedule(a);
    const RankBatch& from_plain = plain.schedule(b);
    ASSERT_NO_FATAL_FAILURE(expect_same(from_fast, from_plain)) << "step " << step;
    ASSERT_EQ(fast.used_blocks(), plain.used_blocks());
    ASSERT_EQ(fast.running(), plain.running());
    ASSERT_EQ(fast.waiting(), plain.waiting());
    fast.finish_step(step, a);
    plain.finish_step(step, b);
    ASSERT_NO_FATAL_FAILURE(expect_same(a, b)) << "step " << step;
    ASSERT_EQ(fast.used_blocks(), plain.used_blocks());
    ASSERT_EQ(fast.has_work(), plain.has_work());
    seen.preemptions += static_cast<std::int64_t>(b.preempted.size());
    seen.late += static_cast<std::int64_t>(b.late_tokens.size());
    seen.partial += from_plain.sampled < from_plain.sequences() ? 1 : 0;
    ++step;
    ASSERT_LT(step, 20000);
  }
  EXPECT_EQ(fast.used_blocks(), 0);
}

TEST(SchedulerEquivalence, ThousandsOfRandomCases) {
  Seen seen;
  for (std::int64_t trial = 0; trial < 6000; ++trial) {
    ASSERT_NO_FATAL_FAILURE(compare(trial, seen)) << "trial " << trial;
  }
  // The cases must reach what can go wrong.
  EXPECT_GT(seen.preemptions, 1000);
  EXPECT_GT(seen.late, 1000);
  EXPECT_GT(seen.partial, 1000);
}

}  // namespace
}  // namespace moeplan::sim
