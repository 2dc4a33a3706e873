// FastEngine takes shortcuts; the event loop with plain schedulers touches every sequence in every
// step. On thousands of random small
// setups (tight memory, tiny budgets, one slot, one-token answers, simultaneous arrivals, jitter,
// aborted searches) the traces must be equal to the last picosecond.

#include "sim/serving/fast_engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/result/metrics.hpp"
#include "sim/serving/simulate.hpp"
#include "tests/support/linear_step_cost.hpp"

namespace moeplan::sim {
namespace {

// Prices with everything that a line may have: an uneven base, a slope in KV tokens that drops to
// a constant where windows are full, a measured range, and prompts that pay for pairs of tokens.
class BentCost : public StepCost {
 public:
  explicit BentCost(std::int64_t grain_ps) : grain_(grain_ps) {}

  PhaseTimes cost(std::span<const RankBatch> ranks) override {
    const RankBatch& batch = ranks.front();
    PhaseTimes times;
    if (batch.decode_sequences > 0) {
      const DecodeLine line = line_of(batch.decode_sequences, batch.decode_kv_tokens);
      times = line.base;
      times.set(Phase::attention,
                times[Phase::attention] + SimDuration(line.attention_ps(batch.decode_kv_tokens)));
      outside_ = outside_ || batch.decode_kv_tokens > line.kv_tokens_inside;
    }
    std::int64_t pairs = 0;
    for (const PrefillPiece& piece : batch.prefill) {
      pairs += piece.chunk * (2 * piece.history + piece.chunk);
    }
    times.set(Phase::expert, times[Phase::expert] + SimDuration(grain_ * batch.prefill_tokens));
    times.set(Phase::attention, times[Phase::attention] + SimDuration(pairs));
    times.set(Phase::head, SimDuration(grain_ * 3 * batch.sampled));
    times.set(Phase::host, SimDuration(grain_ * 40));
    return times;
  }
  std::optional<DecodeLine> decode_line(std::int64_t sequences, std::int64_t kv_tokens) override {
    DecodeLine line = line_of(sequences, kv_tokens);
    line.base.set(Phase::head, SimDuration(grain_ * 3 * sequences));
    line.base.set(Phase::host, SimDuration(grain_ * 40));
    return line;
  }
  void begin_run() override { outside_ = false; }
  std::vector<std::string> extrapolated() const override {
    return outside_ ? std::vector<std::string>{"attention"} : std::vector<std::string>{};
  }

 private:
  static constexpr std::int64_t kWindow = 30;
  static constexpr std::int64_t kWindowedFs = 777;

  DecodeLine line_of(std::int64_t n, std::int64_t kv_tokens) const {
    DecodeLine line;
    line.base.set(Phase::expert, SimDuration(grain_ * (10 + n % 3 + n)));
    line.attention_fs_per_kv_token = 12345;
    line.kv_tokens_inside = 60 * n;
    if (kv_tokens > n * kWindow) {
      line.kv_tokens_from = n * kWindow + 1;
      line.base.set(Phase::attention, SimDuration(n * kWindow * kWindowedFs / 1000));
    } else {
      line.kv_tokens_to = n * kWindow;
      line.attention_fs_per_kv_token += kWindowedFs;
    }
    return line;
  }

  std::int64_t grain_;
  bool outside_ = false;
};

std::vector<std::pair<std::int64_t, std::int64_t>> sorted_gaps(const ServingTrace& trace) {
  std::vector<std::pair<std::int64_t, std::int64_t>> gaps;
  trace.gaps.for_each([&](std::int64_t ps, std::int64_t count) { gaps.emplace_back(ps, count); });
  std::sort(gaps.begin(), gaps.end());
  return gaps;
}

void expect_same(const ServingTrace& a, const ServingTrace& b) {
  ASSERT_EQ(a.requests.size(), b.requests.size());
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    ASSERT_EQ(a.requests[i], b.requests[i]) << "request " << i;
  }
  ASSERT_EQ(sorted_gaps(a), sorted_gaps(b));
  ASSERT_EQ(a.phases, b.phases);
  ASSERT_EQ(a.end, b.end);
  ASSERT_EQ(a.busy, b.busy);
  ASSERT_EQ(a.steps, b.steps);
  ASSERT_EQ(a.batched_tokens, b.batched_tokens);
  ASSERT_EQ(a.sequence_steps, b.sequence_steps);
  ASSERT_EQ(a.prompt_tokens, b.prompt_tokens);
  ASSERT_EQ(a.recomputed_tokens, b.recomputed_tokens);
  ASSERT_EQ(a.output_tokens, b.output_tokens);
  ASSERT_EQ(a.preemptions, b.preemptions);
  ASSERT_EQ(a.steps_out_of_blocks, b.steps_out_of_blocks);
  ASSERT_EQ(a.steps_at_max_sequences, b.steps_at_max_sequences);
  ASSERT_EQ(a.peak_kv_blocks, b.peak_kv_blocks);
  ASSERT_EQ(a.blocks_at_end, b.blocks_at_end);
  ASSERT_EQ(a.prefill_time, b.prefill_time);
  ASSERT_EQ(a.decode_time, b.decode_time);
  ASSERT_EQ(a.aborted, b.aborted);
  ASSERT_EQ(a.extrapolated, b.extrapolated);
}

struct Seen {
  std::int64_t preemptions = 0;
  std::int64_t aborted = 0;
  std::int64_t rejected = 0;
  std::int64_t extrapolated = 0;
  std::int64_t ties = 0;
  std::int64_t at_max = 0;
};

SimulationSetup random_setup(std::int64_t trial) {
  RandomStream random(5, "fast engine", {trial});
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random.below(n)); };
  const auto length = [&](std::int64_t longest) -> LengthDistribution {
    const auto most = static_cast<std::int32_t>(1 + below(static_cast<std::uint64_t>(longest)));
    return below(2) == 0 ? LengthDistribution(FixedLength{most}) : UniformLength(1, most);
  };
  SimulationSetup setup;
  setup.seed = static_cast<std::uint64_t>(trial);
  setup.limits.scheduler = {.max_sequences = 1 + below(trial % 5 == 0 ? 1 : 9),
                            .max_batched_tokens = 1 + below(trial % 2 == 0 ? 12 : 150),
                            .kv_blocks = 5 + below(trial % 3 == 0 ? 6 : 60)};
  setup.limits.max_model_length = below(4) == 0 ? 60 : 0;
  setup.limits.jitter = trial % 4 == 1 ? 0.1 : 0.0;
  setup.mix.prompt = length(45);
  setup.mix.output = below(5) == 0 ? LengthDistribution(FixedLength{1}) : length(40);
  setup.mix.request_count = 1 + below(40);
  const std::int64_t kind = below(3);
  if (kind == 0) {
    setup.mix.arrivals =
        ClosedLoop{static_cast<std::int32_t>(1 + below(8)),
                   below(2) == 0 ? Seconds(0.0) : Seconds(1e-12 * static_cast<double>(below(200)))};
  } else {
    // A step lasts about 60 grains of 1 ps or 1 ns: from idle to overload. At 1 ps a grain most
    // arrivals fall onto one picosecond with others, or with the end of a step.
    setup.mix.arrivals = PoissonArrivals{
        PerSecond((trial % 7 < 3 ? 1e12 : 1e9) / static_cast<double>(1 + below(400)))};
    setup.abort_above_waiting = kind == 2 ? below(8) : 0;
  }
  return setup;
}

void compare(std::int64_t trial, Seen& seen) {
  const SimulationSetup setup = random_setup(trial);
  BentCost cost(trial % 7 < 3 ? 1 : 1000);
  ASSERT_TRUE(FastEngine::runs(setup, cost));
  SimulationSetup plain = setup;
  plain.limits.scheduler.plain = true;
  const ServingTrace slow = simulate(plain, cost);
  const ServingTrace fast = simulate(setup, cost);
  ASSERT_NO_FATAL_FAILURE(expect_same(fast, slow));
  seen.preemptions += slow.preemptions;
  seen.aborted += slow.aborted ? 1 : 0;
  seen.extrapolated += slow.extrapolated.empty() ? 0 : 1;
  seen.at_max += slow.steps_at_max_sequences;
  for (std::size_t i = 0; i < slow.requests.size(); ++i) {
    seen.rejected += slow.requests[i].status == RequestStatus::rejected_too_long ||
                     slow.requests[i].status == RequestStatus::rejected_too_large;
    for (const RequestRecord& other : slow.requests) {
      seen.ties += slow.requests[i].arrival == other.completion ? 1 : 0;
    }
  }
}

TEST(FastEngine, ThousandsOfRandomSetupsGiveTheEventLoopsTrace) {
  Seen seen;
  for (std::int64_t trial = 0; trial < 6000; ++trial) {
    ASSERT_NO_FATAL_FAILURE(compare(trial, seen)) << "trial " << trial;
  }
  // The cases must reach what can go wrong.
  EXPECT_GT(seen.preemptions, 1000);
  EXPECT_GT(seen.aborted, 200);
  EXPECT_GT(seen.rejected, 1000);
  EXPECT_GT(seen.extrapolated, 200);
  EXPECT_GT(seen.ties, 1000);
  EXPECT_GT(seen.at_max, 1000);
}

}  // namespace
}  // namespace moeplan::sim
