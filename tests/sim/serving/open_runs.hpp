#pragma once
// Random open runs and what every one of them must keep, whoever simulates it.

#include <gtest/gtest.h>

#include <cstdint>

#include "sim/result/metrics.hpp"
#include "sim/serving/simulate.hpp"

namespace moeplan::tests {

// 400 requests at 20 + 5 seed requests/s on engines whose memory is short for some seeds.
inline sim::SimulationSetup open_run(std::uint64_t seed) {
  sim::SimulationSetup setup;
  setup.seed = seed;
  setup.limits.data_parallel = static_cast<std::int32_t>(1 + seed % 2);
  setup.limits.scheduler = {.max_sequences = static_cast<std::int64_t>(2 + seed % 9),
                            .max_batched_tokens = static_cast<std::int64_t>(64 + 32 * seed),
                            .kv_blocks = static_cast<std::int64_t>(40 + seed)};
  setup.mix = {.arrivals = sim::PoissonArrivals{PerSecond(20.0 + 5.0 * static_cast<double>(seed))},
               .prompt = sim::LogNormalLength::from_median(80, 0.8, 1, 400),
               .output = sim::LogNormalLength::from_median(20, 0.7, 1, 120),
               .request_count = 400};
  return setup;
}

// Conservation, causality, utilisation and Little's law of such a run.
inline void expect_invariants(const sim::SimulationSetup& setup, const sim::ServingTrace& trace) {
  const auto requests = setup.mix.request_count;
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  double time_in_system = 0.0;
  ASSERT_EQ(static_cast<std::int64_t>(trace.requests.size()), requests);
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    const sim::RequestRecord& r = trace.requests[i];
    ASSERT_EQ(r.status, sim::RequestStatus::completed) << "everything drains";
    ASSERT_LE(r.arrival, r.scheduled);
    ASSERT_LT(r.scheduled, r.first_token);
    ASSERT_LE(r.first_token, r.completion);
    ASSERT_TRUE(i == 0 || trace.requests[i - 1].arrival <= r.arrival);
    prompt_tokens += r.prompt_tokens;
    output_tokens += r.output_tokens;
    time_in_system += in_seconds(r.completion - r.arrival);
  }
  EXPECT_EQ(trace.prompt_tokens, prompt_tokens);
  EXPECT_EQ(trace.output_tokens, output_tokens);
  // Every computed token is a prompt's, an emitted one but the last of its request, or repeated.
  EXPECT_EQ(trace.batched_tokens,
            prompt_tokens + output_tokens - requests + trace.recomputed_tokens);
  EXPECT_EQ(trace.blocks_at_end, 0);
  EXPECT_EQ(trace.phases.total(), trace.busy);
  EXPECT_EQ(trace.prefill_time + trace.decode_time, trace.busy);
  const sim::ServingMetrics m = sim::summarize(trace, {.replicas = setup.replicas});
  EXPECT_LE(m.busy_fraction, 1.0 + 1e-12);
  // Little's law over the whole run: L T = sum of times in system, an identity.
  EXPECT_NEAR(m.mean_in_system * m.duration_s, time_in_system, 1e-9 * time_in_system);
  std::int64_t gaps = 0;
  trace.gaps.for_each([&](std::int64_t, std::int64_t count) { gaps += count; });
  EXPECT_EQ(gaps, output_tokens - requests);
}

}  // namespace moeplan::tests
