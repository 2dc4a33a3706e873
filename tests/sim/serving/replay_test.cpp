// Does a run whose requests are written out and replayed give the same times to every request
// (tests.md C2 25), and does nothing but the seed move an arrival (C2 27)?

#include <gtest/gtest.h>

#include "sim/serving/simulate.hpp"
#include "sim/workload/read_trace.hpp"
#include "tests/support/linear_step_cost.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::sim {
namespace {

using tests::LinearStepCost;

SimulationSetup setup_with(const Arrivals& arrivals) {
  SimulationSetup setup;
  setup.limits.scheduler = {.max_sequences = 8, .max_batched_tokens = 300, .kv_blocks = 200};
  setup.mix = {.arrivals = arrivals,
               .prompt = LogNormalLength::from_median(120.0, 0.9, 1, 1000),
               .output = LogNormalLength::from_median(20.0, 0.7, 1, 200),
               .request_count = 400};
  setup.seed = 17;
  return setup;
}

ServingTrace run(const SimulationSetup& setup) {
  LinearStepCost cost(milliseconds(3), microseconds(40), microseconds(200));
  return simulate(setup, cost);
}

// What happened, as a recorded trace in the normal form.
RequestTrace written(const ServingTrace& trace) {
  RequestTrace recorded;
  for (const RequestRecord& r : trace.requests) {
    recorded.requests.push_back({r.arrival, r.prompt_tokens, r.output_tokens});
  }
  return recorded;
}

// Relative to the first arrival, which a written trace puts at 0.
void expect_same_times(const ServingTrace& a, const ServingTrace& b) {
  ASSERT_EQ(a.requests.size(), b.requests.size());
  const SimTime a0 = a.requests.front().arrival;
  const SimTime b0 = b.requests.front().arrival;
  for (std::size_t i = 0; i < a.requests.size(); ++i) {
    const RequestRecord& x = a.requests[i];
    const RequestRecord& y = b.requests[i];
    ASSERT_EQ(x.arrival - a0, y.arrival - b0) << i;
    ASSERT_EQ(x.scheduled - a0, y.scheduled - b0) << i;
    ASSERT_EQ(x.first_token - a0, y.first_token - b0) << i;
    ASSERT_EQ(x.completion - a0, y.completion - b0) << i;
    ASSERT_EQ(x.prompt_tokens, y.prompt_tokens) << i;
    ASSERT_EQ(x.output_tokens, y.output_tokens) << i;
    ASSERT_EQ(x.preemptions, y.preemptions) << i;
  }
  EXPECT_EQ(a.steps, b.steps);
}

struct Case {
  const char* name;
  Arrivals arrivals;
  std::int64_t max_in_flight;
};

class RunAndReplay : public testing::TestWithParam<Case> {};

TEST_P(RunAndReplay, GivesEveryRequestTheSameTimes) {
  SimulationSetup setup = setup_with(GetParam().arrivals);
  setup.mix.max_in_flight = GetParam().max_in_flight;
  setup.limits.jitter = 0.1;
  const ServingTrace original = run(setup);
  const tests::TemporaryDirectory folder;
  auto trace = std::make_shared<const RequestTrace>(
      read_trace(folder.write("trace.csv", trace_csv(written(original)))));
  SimulationSetup again = setup;
  again.mix.max_in_flight = 0;
  again.mix.arrivals = TraceArrivals{trace};
  expect_same_times(original, run(again));
}

INSTANTIATE_TEST_SUITE_P(Arrivals, RunAndReplay,
                         testing::Values(Case{"poisson", PoissonArrivals{PerSecond(12.0)}, 0},
                                         Case{"overloaded", PoissonArrivals{PerSecond(60.0)}, 0},
                                         Case{"bursts",
                                              ShapedArrivals{.rate = PerSecond(12.0),
                                                             .burstiness = 0.4,
                                                             .bursts = Bursts{.factor = 6.0,
                                                                              .on = Seconds(2),
                                                                              .off = Seconds(5)}},
                                              0},
                                         Case{"closed_loop", ClosedLoop{6, milliseconds(1)}, 0},
                                         Case{"all_at_once", ClosedLoop{400}, 0},
                                         Case{"client_limit", PoissonArrivals{PerSecond(60.0)}, 5}),
                         [](const auto& each) { return std::string(each.param.name); });

std::vector<RequestSpec> requests_of(const ServingTrace& trace) { return written(trace).requests; }

TEST(ArrivalStream, OneMoreReplicaOrAnotherRouterDoesNotShiftIt) {
  const SimulationSetup one = setup_with(PoissonArrivals{PerSecond(12.0)});
  SimulationSetup three = one;
  three.replicas = 3;
  SimulationSetup shared = three;
  shared.router = RouterPolicy::shared_queue;
  SimulationSetup jittered = one;
  jittered.limits.jitter = 0.3;
  const std::vector<RequestSpec> base = requests_of(run(one));
  EXPECT_EQ(requests_of(run(three)), base);
  EXPECT_EQ(requests_of(run(shared)), base);
  EXPECT_EQ(requests_of(run(jittered)), base);
  SimulationSetup other = one;
  other.seed = 18;
  EXPECT_NE(requests_of(run(other)), base);
}

// Five users' worth in flight at most, the rest waits outside: never more in the system.
TEST(ClientLimit, BoundsTheSystem) {
  SimulationSetup setup = setup_with(PoissonArrivals{PerSecond(60.0)});
  setup.mix.max_in_flight = 5;
  const ServingTrace trace = run(setup);
  for (const RequestRecord& request : trace.requests) {
    ASSERT_LE(request.in_system, 4) << "before the fifth enters";
  }
  EXPECT_EQ(trace.requests.size(), 400u);
}

}  // namespace
}  // namespace moeplan::sim
