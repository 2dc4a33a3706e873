// Everything s times faster: steps take 1/s of their time and requests come s times as often, so
// every instant of every request is s times earlier (tests.md C2 15). Instants are sums of rounded
// durations: the i-th event's has at most i + 1 of them, each off by half a picosecond on either
// side, so |s t' - t| <= (i + 1) (1 + s) / 2 ps with i < arrivals + steps. The order of events is
// then the same unless two lie within that, which random gaps do not.

#include <gtest/gtest.h>

#include "sim/serving/simulate.hpp"
#include "tests/support/linear_step_cost.hpp"

namespace moeplan::sim {
namespace {

tests::LinearStepCost cost(double speed) {
  return {milliseconds(3.0 / speed), microseconds(40.0 / speed), microseconds(200.0 / speed)};
}

SimulationSetup setup_at(double speed, std::int32_t replicas) {
  SimulationSetup setup;
  setup.seed = 7;
  setup.replicas = replicas;
  setup.limits.data_parallel = replicas;
  setup.limits.scheduler = {.max_sequences = 8, .max_batched_tokens = 300, .kv_blocks = 120};
  setup.mix = {.arrivals = PoissonArrivals{PerSecond(20.0 * speed)},
               .prompt = LogNormalLength::from_median(120.0, 0.9, 1, 1000),
               .output = LogNormalLength::from_median(20.0, 0.7, 1, 200),
               .request_count = 400};
  return setup;
}

void expect_scaled(const ServingTrace& slow, const ServingTrace& fast, std::int64_t s) {
  ASSERT_EQ(fast.requests.size(), slow.requests.size());
  ASSERT_EQ(fast.steps, slow.steps);
  EXPECT_EQ(fast.preemptions, slow.preemptions);
  EXPECT_EQ(fast.batched_tokens, slow.batched_tokens);
  const auto events = static_cast<std::int64_t>(slow.requests.size()) + slow.steps;
  const SimDuration allowed((events + 1) * (1 + s) / 2);
  const auto close = [&](SimTime quick, SimTime steady) {
    const SimDuration gap = quick.since_start() * s - steady.since_start();
    return gap <= allowed && SimDuration() - gap <= allowed;
  };
  for (std::size_t i = 0; i < slow.requests.size(); ++i) {
    const RequestRecord& a = slow.requests[i];
    const RequestRecord& b = fast.requests[i];
    ASSERT_TRUE(close(b.arrival, a.arrival)) << i;
    ASSERT_TRUE(close(b.scheduled, a.scheduled)) << i;
    ASSERT_TRUE(close(b.first_token, a.first_token)) << i;
    ASSERT_TRUE(close(b.completion, a.completion)) << i;
    ASSERT_EQ(b.preemptions, a.preemptions) << i;
    ASSERT_EQ(b.in_system, a.in_system) << i;
  }
}

TEST(ScaleInvariance, EveryInstantOfEveryRequest) {
  for (const std::int32_t replicas : {1, 2}) {
    tests::LinearStepCost steady = cost(1.0);
    const ServingTrace slow = simulate(setup_at(1.0, replicas), steady);
    for (const std::int64_t s : {2, 3, 10, 1000}) {
      SCOPED_TRACE(testing::Message() << replicas << " replicas, " << s << " times as fast");
      tests::LinearStepCost quick = cost(static_cast<double>(s));
      expect_scaled(slow, simulate(setup_at(static_cast<double>(s), replicas), quick), s);
    }
  }
}

// Powers of two of whole picoseconds: nothing is rounded but the arrivals, and a batch at once has
// none of those. Equal to the picosecond.
TEST(ScaleInvariance, ABatchAtOnceIsExact) {
  const auto run = [](std::int64_t per_step_ps, std::int64_t per_token_ps) {
    tests::LinearStepCost cost(Seconds(static_cast<double>(per_step_ps) * 1e-12),
                               Seconds(static_cast<double>(per_token_ps) * 1e-12), Seconds(0));
    SimulationSetup setup = setup_at(1.0, 1);
    setup.mix.arrivals = ClosedLoop{400};
    return simulate(setup, cost);
  };
  const ServingTrace fast = run(1 << 20, 1 << 10);
  const ServingTrace slow = run(1 << 22, 1 << 12);
  ASSERT_EQ(fast.requests.size(), slow.requests.size());
  for (std::size_t i = 0; i < slow.requests.size(); ++i) {
    ASSERT_EQ(fast.requests[i].completion.since_start() * 4,
              slow.requests[i].completion.since_start());
  }
}

}  // namespace
}  // namespace moeplan::sim
