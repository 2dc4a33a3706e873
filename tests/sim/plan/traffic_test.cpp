// Does the capacity search end, and mean something, for traffic that is not a steady Poisson
// stream?

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "sim/evaluate.hpp"
#include "sim/plan/candidates.hpp"
#include "sim/plan/design.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using testing::HasSubstr;

class Traffic : public testing::Test {
 protected:
  Scenario load(const std::string& workload) {
    file_.set("hardware", "{gpu: h100-sxm, gpus: 1}");
    file_.set("pruning", "{experts_kept: 64, router: reinitialised}");
    file_.set("workload", "{" + workload + "}");
    return file_.load();
  }
  void write_trace(int requests, double gap_s, int prompt, int output) {
    std::ofstream out(file_.folder() / "trace.csv");
    out << "arrived_at,num_prefill_tokens,num_decode_tokens\n";
    for (int i = 0; i < requests; ++i) {
      out << gap_s * i << "," << prompt << "," << output << "\n";
    }
  }
  tests::ScenarioFile file_;
};

const std::string kLengths = "input_tokens: {tokens: 500}, output_tokens: {tokens: 50}";

// Twenty short requests fit into the engine even all at once: no rate is too high, and no capacity
// may be claimed.
TEST_F(Traffic, ATraceTooShortToLoadTheEngineIsSaidToBe) {
  write_trace(20, 0.1, 10, 5);
  const Scenario scenario = load("arrivals: trace, trace: {file: trace.csv}");
  const auto outcome = judge(scenario, candidates(scenario).front());
  ASSERT_TRUE(std::holds_alternative<Infeasible>(outcome));
  EXPECT_THAT(std::get<Infeasible>(outcome).reason, HasSubstr("20 requests cannot load"));
}

// 600 prompts of 4000 tokens at even gaps: the engine's capacity does not depend on the rate at
// which they were recorded, only the fleet does.
TEST_F(Traffic, ATraceIsScaledToTheLoad) {
  const auto design = [&](double gap_s) {
    write_trace(600, gap_s, 4000, 20);
    const Scenario scenario = load("arrivals: trace, trace: {file: trace.csv, rate_scale: 4}");
    return std::get<Design>(judge(scenario, candidates(scenario).front()));
  };
  const Design slow = design(1.0);
  const Design fast = design(0.1);
  EXPECT_NEAR(fast.capacity.load / slow.capacity.load, 1.0, 2.1 * kCapacityTolerance);
  EXPECT_NEAR(fast.load * static_cast<double>(fast.replicas), 40.0, 1e-6);
  EXPECT_GE(fast.replicas, slow.replicas);
}

// With two requests in flight at a time, TTFT never sees a queue: it is the client that falls
// behind, and that bounds the capacity. Little: 2 in flight, each E2E seconds, at most 2 / E2E.
TEST_F(Traffic, AClientLimitBoundsTheCapacity) {
  const Scenario scenario =
      load("rate: 20 requests/s, requests: 1500, max_concurrency: 2, " + kLengths);
  const Design d = std::get<Design>(judge(scenario, candidates(scenario).front()));
  const auto run_at = [&](double load) {
    return std::get<ServingMetrics>(
        evaluate(scenario, candidates(scenario).front(), full_load(scenario, load)));
  };
  const ServingMetrics beyond = run_at(2.0 * d.capacity.load);
  EXPECT_TRUE(beyond.overloaded);
  EXPECT_LE(d.capacity.load, 1.05 * 2.0 / beyond.e2e.mean);
  EXPECT_FALSE(run_at(0.5 * d.capacity.load).overloaded);
}

// A batch at once: the capacity is the largest batch whose TTFT still meets the objective; the
// wanted batch is split over the engines.
TEST_F(Traffic, ABatchAtOnceIsSplitOverEngines) {
  const Scenario scenario = load("arrivals: all_at_once, requests: 4000, " + kLengths);
  const Design d = std::get<Design>(judge(scenario, candidates(scenario).front()));
  EXPECT_GT(d.replicas, 1);
  EXPECT_EQ(d.metrics.arrived, static_cast<std::int64_t>(d.load));
  EXPECT_GE(d.load * static_cast<double>(d.replicas), 4000.0);
  EXPECT_LE(d.metrics.ttft.p99, 2.0);
}

// L = rate x W. The rate doubles over the second half while every request stays as long: more are
// in the system, but nothing grows. With twice the stay as well, it does.
TEST(Growth, OfARateIsNoOverload) {
  const auto requests = [](double stay_end) {
    std::vector<RequestRecord> all;
    double t = 0.0;
    for (int i = 0; i < 4000; ++i) {
      const double x = std::max(0.0, (i - 2000) / 2000.0);
      const double rate = 100.0 * (1.0 + x);
      t += 1.0 / rate;
      const double stay = 1.0 + (stay_end - 1.0) * x;
      all.push_back({.arrival = SimTime{} + Seconds(t),
                     .in_system = static_cast<std::int32_t>(rate * stay)});
    }
    return all;
  };
  EXPECT_GT(growth_over_second_half(requests(1.0)).requests, 80.0);
  EXPECT_NEAR(growth_over_second_half(requests(1.0), false).requests, 0.0, 2.0);
  EXPECT_GT(growth_over_second_half(requests(2.0), false).requests, 100.0);
}

}  // namespace
}  // namespace moeplan::sim
