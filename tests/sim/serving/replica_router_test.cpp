// Routers: what each chooses by hand, and what they do to waiting times.

#include "sim/serving/replica_router.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "sim/serving/simulate.hpp"
#include "tests/support/linear_step_cost.hpp"

namespace moeplan::sim {
namespace {

using Loads = std::vector<std::int64_t>;

TEST(ReplicaRouter, ChoosesByHand) {
  const auto choose = [](RouterPolicy policy, std::int64_t request, const Loads& loads,
                         const Loads& cached = {}, std::int64_t prompt = 100) {
    return ReplicaRouter(policy, 1, "test").choose(request, prompt, loads, cached);
  };
  EXPECT_EQ(choose(RouterPolicy::round_robin, 7, {9, 0, 0}), 1u);
  EXPECT_EQ(choose(RouterPolicy::least_loaded, 7, {3, 1, 1}), 1u);
  // Of two engines power_of_two sees both, so it takes the less loaded one, whatever is drawn.
  for (std::int64_t request = 0; request < 20; ++request) {
    EXPECT_EQ(choose(RouterPolicy::power_of_two, request, {5, 4}), 1u);
    EXPECT_EQ(choose(RouterPolicy::power_of_two, request, {4, 5}), 0u);
    // Of three, never the most loaded.
    EXPECT_NE(choose(RouterPolicy::power_of_two, request, {1, 9, 2}), 1u);
  }
  // 48 of 100 tokens are more than 30 %; 20 are not; 70 against 5 requests is out of balance.
  EXPECT_EQ(choose(RouterPolicy::prefix_affinity, 0, {5, 0, 3}, {48, 0, 16}), 0u);
  EXPECT_EQ(choose(RouterPolicy::prefix_affinity, 0, {5, 0, 3}, {20, 0, 16}), 1u);
  EXPECT_EQ(choose(RouterPolicy::prefix_affinity, 0, {70, 5, 6}, {96, 0, 0}), 1u);
  // 200 against 140 is 60 more; 300 against 220 is 80 more, but below 1.5 times as many.
  EXPECT_EQ(choose(RouterPolicy::prefix_affinity, 0, {200, 140}, {96, 0}), 0u);
  EXPECT_EQ(choose(RouterPolicy::prefix_affinity, 0, {300, 220}, {96, 0}), 0u);
  EXPECT_EQ(choose(RouterPolicy::prefix_affinity, 0, {5, 4}, {48, 48}), 1u) << "equal caches";
  EXPECT_THROW(choose(RouterPolicy::shared_queue, 0, {0}), std::logic_error);
}

// 12000 draws over 4 engines: 3000 each, standard deviation sqrt(12000 x 1/4 x 3/4) = 47.4; with
// equal loads power_of_two is uniform as well.
TEST(ReplicaRouter, DrawsAreUniform) {
  for (const RouterPolicy policy : {RouterPolicy::random, RouterPolicy::power_of_two}) {
    const ReplicaRouter router(policy, 3, "test");
    std::vector<int> counts(4, 0);
    for (std::int64_t request = 0; request < 12000; ++request) {
      ++counts[router.choose(request, 1, Loads(4, 0), {})];
    }
    for (const int count : counts) {
      EXPECT_NEAR(count, 3000, 4 * 47.4) << name_of(policy);
    }
  }
}

// c engines that serve one request at a time: a prompt token takes 1 ms.
SimulationSetup station(RouterPolicy router, double rho, std::int32_t servers,
                        const LengthDistribution& prompt) {
  SimulationSetup setup;
  setup.limits.scheduler = {
      .max_sequences = 1, .max_batched_tokens = 1 << 30, .kv_blocks = 1 << 20};
  setup.replicas = servers;
  setup.router = router;
  setup.mix = {.arrivals = PoissonArrivals{PerSecond(rho * servers / (mean_length(prompt) * 1e-3))},
               .prompt = prompt,
               .output = FixedLength{1},
               .request_count = 40000};
  setup.seed = 5;
  return setup;
}

ServingTrace run(const SimulationSetup& setup) {
  tests::LinearStepCost cost(Seconds(0), milliseconds(1), milliseconds(1));
  return simulate_by_events(setup, cost);
}

std::vector<SimDuration> waits(const ServingTrace& trace) {
  std::vector<SimDuration> all;
  for (const RequestRecord& request : trace.requests) {
    EXPECT_EQ(request.status, RequestStatus::completed);
    all.push_back(request.scheduled - request.arrival);
  }
  return all;
}

double p99_ms(const ServingTrace& trace) {
  std::vector<SimDuration> all = waits(trace);
  const auto rank = static_cast<std::ptrdiff_t>(all.size() * 99 / 100);
  std::nth_element(all.begin(), all.begin() + rank, all.end());
  return in_seconds(all[static_cast<std::size_t>(rank)]) * 1e3;
}

// Prompts between 1 and 1999 tokens at 80 % load on 8 engines. Round robin sends to an engine that
// still has a long one; two choices avoid most of that, all eight more; one line avoids all of it.
TEST(ReplicaRouterLaw, MoreKnowledgeWaitsLess) {
  const LengthDistribution prompt = UniformLength(1, 1999);
  const auto p99 = [&](RouterPolicy policy) {
    return p99_ms(run(station(policy, 0.8, 8, prompt)));
  };
  const double random = p99(RouterPolicy::random);
  const double round_robin = p99(RouterPolicy::round_robin);
  const double power_of_two = p99(RouterPolicy::power_of_two);
  const double least_loaded = p99(RouterPolicy::least_loaded);
  const double shared_queue = p99(RouterPolicy::shared_queue);
  EXPECT_LT(round_robin, random);
  EXPECT_LT(power_of_two, round_robin);
  EXPECT_LT(least_loaded, power_of_two);
  EXPECT_LT(shared_queue, least_loaded);
}

// M/D/c: with equal service times, first come first served from one line serves customer i at the
// server of customer i - c (C. D. Crommelin, 1932), so round robin is that queue, request by
// request, and nothing that knows loads can do better; the least load is as good only where counts
// tell who is free first.
TEST(ReplicaRouterLaw, EqualServicesMakeRoundRobinTheSharedQueue) {
  const LengthDistribution prompt = FixedLength{100};
  const auto of = [&](RouterPolicy policy) { return run(station(policy, 0.9, 6, prompt)); };
  const std::vector<SimDuration> round_robin = waits(of(RouterPolicy::round_robin));
  EXPECT_EQ(round_robin, waits(of(RouterPolicy::shared_queue)));
  const auto sum = [](const std::vector<SimDuration>& all) {
    return std::accumulate(all.begin(), all.end(), SimDuration{});
  };
  const SimDuration least = sum(waits(of(RouterPolicy::least_loaded)));
  const SimDuration two = sum(waits(of(RouterPolicy::power_of_two)));
  EXPECT_LE(sum(round_robin), least);
  EXPECT_LT(least, two);
  EXPECT_LT(two, sum(waits(of(RouterPolicy::random))));
}

// One engine: nothing to choose. Several: every request is served once, nothing is left, the run
// repeats to the last bit, and neither router nor engines shift the arrivals or the lengths.
TEST(ReplicaRouter, ServesEverythingAndShiftsNoStream) {
  const LengthDistribution prompt = UniformLength(1, 199);
  const auto setup_of = [&](RouterPolicy policy, std::int32_t engines) {
    SimulationSetup setup = station(policy, 0.5, 2, prompt);
    setup.limits.scheduler = {.max_sequences = 4, .max_batched_tokens = 128, .kv_blocks = 60};
    setup.mix.output = UniformLength(1, 40);
    setup.mix.request_count = 2000;
    setup.replicas = engines;
    return setup;
  };
  const ServingTrace alone = run(setup_of(RouterPolicy::round_robin, 1));
  for (const std::string& name : router_policy_names()) {
    const RouterPolicy policy = *router_policy_from(name);
    if (policy != RouterPolicy::shared_queue) {  // waits in front of the engine
      EXPECT_EQ(run(setup_of(policy, 1)).requests, alone.requests) << name;
    }
    for (const std::int32_t engines : {2, 3}) {
      const ServingTrace trace = run(setup_of(policy, engines));
      EXPECT_EQ(trace.requests, run(setup_of(policy, engines)).requests) << name;
      ASSERT_EQ(trace.requests.size(), alone.requests.size());
      std::int64_t prompts = 0;
      std::int64_t outputs = 0;
      for (std::size_t i = 0; i < trace.requests.size(); ++i) {
        EXPECT_EQ(trace.requests[i].arrival, alone.requests[i].arrival);
        EXPECT_EQ(trace.requests[i].prompt_tokens, alone.requests[i].prompt_tokens);
        EXPECT_EQ(trace.requests[i].output_tokens, alone.requests[i].output_tokens);
        EXPECT_EQ(trace.requests[i].status, RequestStatus::completed);
        prompts += trace.requests[i].prompt_tokens;
        outputs += trace.requests[i].output_tokens;
      }
      EXPECT_EQ(trace.prompt_tokens, prompts) << name;
      EXPECT_EQ(trace.output_tokens, outputs) << name;
      EXPECT_EQ(trace.blocks_at_end, 0) << name;
    }
  }
}

}  // namespace
}  // namespace moeplan::sim
