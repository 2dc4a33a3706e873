// Closed forms of queueing theory (tests.md C2 8 to 11, 13) against the engine. Each estimate must
// lie within 3 standard errors of the formula, and its standard error within 1 % of the value, so
// that an error of 3 % cannot hide. Seeds are fixed.
//   rho = lambda E[S] / c; Wq = mean wait in line; P(n) = share of time with n in the station.
// Source of the formulas: L. Kleinrock, Queueing Systems, volume I (1975), chapters 3 and 5.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <ostream>

#include "sim/engine/random_stream.hpp"
#include "tests/laws/queueing/station.hpp"

namespace moeplan::sim {
namespace {

constexpr double kService = 1e-3;  // mean service, s
constexpr std::int64_t kBatches = 40;

void expect_agrees(const Estimate& seen, double expected, const char* what) {
  EXPECT_LE(std::fabs(seen.mean - expected), 3.0 * seen.standard_error)
      << what << ": seen " << seen.mean << " +- " << seen.standard_error << ", expected "
      << expected;
  EXPECT_LE(seen.standard_error, 0.01 * expected) << what;
}

double mean_wait(const Batch& b) { return b.wait_s / static_cast<double>(b.customers); }
double share_delayed(const Batch& b) {
  return static_cast<double>(b.delayed) / static_cast<double>(b.customers);
}
double share(SimDuration part, SimDuration whole) { return in_seconds(part) / in_seconds(whole); }

// Poisson arrivals at load rho; service(stream) draws one service in seconds of mean kService.
template <class Service>
StationRun run_poisson(double rho, int servers, std::int64_t customers, std::uint64_t seed,
                       Service service) {
  const double mean_gap = kService / (rho * servers);
  auto gaps = std::make_shared<RandomStream>(seed, "gaps");
  auto services = std::make_shared<RandomStream>(seed, "services");
  StationPlan plan;
  plan.servers = servers;
  plan.warm_up = customers / 20;
  plan.batches = kBatches;
  plan.per_batch = customers / kBatches;
  plan.gap = [gaps, mean_gap] { return seconds(gaps->exponential(mean_gap)); };
  plan.service = [services, service] { return seconds(service(*services)); };
  return Station(plan).run();
}

double exponential_service(RandomStream& random) { return random.exponential(kService); }

// Customers needed for a standard error of 1 % grow as (1 - rho)^-2: from Wq's asymptotic variance,
// rho (2 + 5 rho - 4 rho^2 + rho^3) / (1 - rho)^4 service times squared a customer, 4.4 million at
// 0.9, 0.4 million at 0.6, 0.2 million at 0.3; twice that is run.
struct Load {
  double rho;
  std::int64_t customers;
  friend void PrintTo(const Load& load, std::ostream* out) { *out << "rho " << load.rho; }
};
constexpr Load kLoads[] = {{0.3, 500'000}, {0.6, 1'000'000}, {0.9, 9'000'000}};

class Mm1 : public testing::TestWithParam<Load> {};
INSTANTIATE_TEST_SUITE_P(Loads, Mm1, testing::ValuesIn(kLoads));

// Wq = rho / (mu - lambda) = rho S / (1 - rho). P(n) = (1 - rho) rho^n. Utilisation law: busy share
// = lambda S = rho. P(wait) = rho (PASTA). Little: L = rho / (1 - rho).
TEST_P(Mm1, WaitStatesAndUtilisation) {
  const auto [rho, customers] = GetParam();
  const StationRun run = run_poisson(rho, 1, customers, 1, exponential_service);
  expect_agrees(estimate(run, mean_wait), rho * kService / (1.0 - rho), "Wq");
  expect_agrees(estimate(run, share_delayed), rho, "P(wait)");
  expect_agrees(estimate(run, [](const Batch& b) { return share(b.busy, b.length); }), rho, "busy");
  expect_agrees(estimate(run, [](const Batch& b) { return share(b.customer_time, b.length); }),
                rho / (1.0 - rho), "L");
  for (std::size_t n = 0; n < 12; ++n) {
    const double expected = (1.0 - rho) * std::pow(rho, static_cast<double>(n));
    const Estimate seen =
        estimate(run, [n](const Batch& b) { return share(b.time_with[n], b.length); });
    EXPECT_LE(std::fabs(seen.mean - expected), 3.0 * seen.standard_error) << "P(" << n << ")";
    // Rarer states are seen less often; 1 % is asked for those with at least a twentieth of the
    // time.
    if (expected >= 0.05) {
      EXPECT_LE(seen.standard_error, 0.01 * expected) << "P(" << n << ")";
    }
  }
}

class Md1 : public testing::TestWithParam<Load> {};
INSTANTIATE_TEST_SUITE_P(Loads, Md1, testing::ValuesIn(kLoads));

// Wq = rho S / (2 (1 - rho)): half of M/M/1's.
TEST_P(Md1, Wait) {
  const auto [rho, customers] = GetParam();
  const StationRun run =
      run_poisson(rho, 1, customers / 2, 2, [](RandomStream&) { return kService; });
  expect_agrees(estimate(run, mean_wait), rho * kService / (2.0 * (1.0 - rho)), "Wq");
  expect_agrees(estimate(run, [](const Batch& b) { return share(b.busy, b.length); }), rho, "busy");
}

// Pollaczek-Khinchine: Wq = lambda E[S^2] / (2 (1 - rho)). Log-normal S of mean m:
// mu = ln m - sigma^2 / 2 and E[S^2] = m^2 exp(sigma^2).
TEST(Mg1, LogNormalServiceWaitsAsPollaczekKhinchine) {
  const struct {
    double rho;
    double sigma;
    std::int64_t customers;
  } cases[] = {{0.3, 0.5, 500'000}, {0.6, 0.5, 1'000'000}, {0.6, 1.0, 4'000'000}};
  for (const auto& [rho, sigma, customers] : cases) {
    const double mu = std::log(kService) - 0.5 * sigma * sigma;
    const StationRun run = run_poisson(
        rho, 1, customers, 3,
        [mu, sigma = sigma](RandomStream& random) { return random.log_normal(mu, sigma); });
    const double second_moment = kService * kService * std::exp(sigma * sigma);
    const double expected = rho / kService * second_moment / (2.0 * (1.0 - rho));
    SCOPED_TRACE(testing::Message() << "rho " << rho << ", sigma " << sigma);
    expect_agrees(estimate(run, mean_wait), expected, "Wq");
  }
}

// Erlang C from Erlang B by its recursion B(0) = 1, B(c) = a B(c-1) / (c + a B(c-1)), a = c rho:
// C = B / (1 - rho (1 - B)).
double erlang_c(int servers, double rho) {
  const double offered = servers * rho;
  double blocked = 1.0;
  for (int c = 1; c <= servers; ++c) {
    blocked = offered * blocked / (c + offered * blocked);
  }
  return blocked / (1.0 - rho * (1.0 - blocked));
}

TEST(Mmc, ErlangCByHand) {
  EXPECT_DOUBLE_EQ(erlang_c(1, 0.7), 0.7);  // M/M/1 waits with probability rho
  // Two servers: C = 2 rho^2 / (1 + rho), 2 * 0.25 / 1.5 = 1/3 at rho = 1/2.
  EXPECT_DOUBLE_EQ(erlang_c(2, 0.5), 1.0 / 3.0);
}

// P(wait) = C(c, rho), Wq = C S / (c (1 - rho)).
TEST(Mmc, SharedLineWaitsAsErlangC) {
  const struct {
    int servers;
    double rho;
    std::int64_t customers;
  } cases[] = {{2, 0.6, 1'000'000}, {4, 0.8, 4'000'000}, {8, 0.7, 6'000'000}};
  for (const auto& [servers, rho, customers] : cases) {
    const StationRun run = run_poisson(rho, servers, customers, 4, exponential_service);
    const double delayed = erlang_c(servers, rho);
    SCOPED_TRACE(testing::Message() << servers << " servers, rho " << rho);
    expect_agrees(estimate(run, share_delayed), delayed, "P(wait)");
    expect_agrees(estimate(run, mean_wait), delayed * kService / (servers * (1.0 - rho)), "Wq");
    expect_agrees(
        estimate(run, [s = servers](const Batch& b) { return share(b.busy, b.length) / s; }), rho,
        "busy");
  }
}

}  // namespace
}  // namespace moeplan::sim
