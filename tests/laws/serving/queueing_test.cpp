// The serving layer against queueing theory: with one sequence slot and one output token an engine
// is a single server, and its waiting times are known in closed form (tests.md C2 8 to 11, 30).
// |error| <= 3 standard errors; the standard error comes from 20 batches of requests.

#include <gtest/gtest.h>

#include <cmath>

#include "sim/engine/random_stream.hpp"
#include "sim/result/metrics.hpp"
#include "sim/serving/simulate.hpp"
#include "tests/support/linear_step_cost.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kRequests = 200000;
constexpr std::int64_t kWarmup = 20000;

// Every step lasts an independent exponential time.
class ExponentialStepCost : public StepCost {
 public:
  explicit ExponentialStepCost(double mean_s) : mean_s_(mean_s) {}
  PhaseTimes cost(std::span<const RankBatch>) override {
    PhaseTimes times;
    times.set(Phase::expert, duration_from(Seconds(stream_.exponential(mean_s_))));
    return times;
  }

 private:
  double mean_s_;
  RandomStream stream_{99, "service"};
};

SimulationSetup station(double rate, std::int32_t servers, const LengthDistribution& prompt) {
  SimulationSetup setup;
  setup.limits.scheduler = {
      .max_sequences = 1, .max_batched_tokens = 1 << 30, .kv_blocks = 1 << 30};
  setup.replicas = servers;
  setup.router = RouterPolicy::shared_queue;
  setup.mix = {.arrivals = PoissonArrivals{PerSecond(rate)},
               .prompt = prompt,
               .output = FixedLength{1},
               .request_count = kRequests};
  setup.seed = 11;
  return setup;
}

void expect_mean_wait(const SimulationSetup& setup, StepCost& cost, double expected_s) {
  const ServingTrace trace = simulate(setup, cost);
  constexpr int kBatches = 20;
  std::vector<double> means(kBatches, 0.0);
  const std::int64_t per_batch = (kRequests - kWarmup) / kBatches;
  for (std::int64_t i = 0; i < per_batch * kBatches; ++i) {
    const RequestRecord& r = trace.requests[static_cast<std::size_t>(kWarmup + i)];
    means[static_cast<std::size_t>(i / per_batch)] +=
        in_seconds(r.scheduled - r.arrival) / static_cast<double>(per_batch);
  }
  double mean = 0.0;
  for (const double m : means) {
    mean += m / kBatches;
  }
  double squares = 0.0;
  for (const double m : means) {
    squares += (m - mean) * (m - mean);
  }
  const double error = std::sqrt(squares / (kBatches - 1) / kBatches);
  EXPECT_LE(std::abs(mean - expected_s), 3.0 * error)
      << "mean wait " << mean << " s, theory " << expected_s << " s, standard error " << error;
  EXPECT_LT(error, 0.06 * expected_s) << "the test must be able to see an error";
}

TEST(ServingQueue, PoissonArrivalsExponentialService) {
  // M/M/1, mu = 1/s: Wq = rho / (mu - lambda).
  for (const double rho : {0.3, 0.6, 0.9}) {
    ExponentialStepCost cost(1.0);
    expect_mean_wait(station(rho, 1, FixedLength{1}), cost, rho / (1.0 - rho));
  }
}

TEST(ServingQueue, PoissonArrivalsFixedService) {
  // M/D/1, mu = 1/s: Wq = rho / (2 mu (1 - rho)).
  tests::LinearStepCost cost(seconds(1), Seconds(0), Seconds(0));
  for (const double rho : {0.3, 0.6, 0.9}) {
    expect_mean_wait(station(rho, 1, FixedLength{1}), cost, rho / (2.0 * (1.0 - rho)));
  }
}

TEST(ServingQueue, PoissonArrivalsServiceByPromptLength) {
  // M/G/1 through the law itself: 1 us a prompt token, log-normal prompts.
  // Pollaczek-Khinchine: Wq = lambda E[S^2] / (2 (1 - rho)), moments by summing over draws of the
  // same distribution is circular, so from the truncated log-normal itself: median 100,000, sigma
  // 0.5, truncation beyond 6 sigma is negligible: E[S] = m e^{s^2/2}, E[S^2] = m^2 e^{2 s^2}.
  const double median = 0.1;  // s
  const double sigma = 0.5;
  const double mean = median * std::exp(sigma * sigma / 2);
  const double square = median * median * std::exp(2 * sigma * sigma);
  tests::LinearStepCost cost(Seconds(0), microseconds(1), Seconds(0));
  for (const double rho : {0.3, 0.7}) {
    const double rate = rho / mean;
    expect_mean_wait(station(rate, 1, LogNormalLength::from_median(100000, sigma, 1, 3000000)),
                     cost, rate * square / (2.0 * (1.0 - rho)));
  }
}

TEST(ServingQueue, SharedQueueOfSeveralReplicas) {
  // M/M/c, c = 3, mu = 1/s: Erlang C, Wq = C / (c mu - lambda).
  const int servers = 3;
  for (const double rho : {0.5, 0.8}) {
    const double load = rho * servers;
    double sum = 0.0;
    double term = 1.0;
    for (int n = 0; n < servers; ++n) {
      sum += term;
      term *= load / (n + 1);
    }
    const double waits = term / (1.0 - rho) / (sum + term / (1.0 - rho));
    ExponentialStepCost cost(1.0);
    expect_mean_wait(station(load, servers, FixedLength{1}), cost, waits / (servers - load));
  }
}

TEST(ServingQueue, OverloadIsFlaggedAndStabilityIsNot) {
  tests::LinearStepCost cost(seconds(1), Seconds(0), Seconds(0));
  for (const auto& [rho, overloaded] : {std::pair{0.9, false}, std::pair{1.1, true}}) {
    SimulationSetup setup = station(rho, 1, FixedLength{1});
    setup.router = RouterPolicy::round_robin;
    setup.mix.request_count = 20000;
    const ServingMetrics m = summarize(simulate(setup, cost), {.warmup = 1000});
    EXPECT_EQ(m.overloaded, overloaded) << "rho " << rho << ", growth " << m.growth_requests;
  }
}

}  // namespace
}  // namespace moeplan::sim
