#include "sim/workload/fit_log_normal.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "sim/engine/random_stream.hpp"
#include "sim/workload/length_distribution.hpp"

namespace moeplan::sim {
namespace {

// ln of {1, 10, 100} is {0, L, 2 L}, L = ln 10: mean L, variance 2 L^2 / 3 (divisor n).
TEST(FitLogNormal, ThreeLengthsByHand) {
  const std::vector<std::int32_t> lengths = {100, 1, 10};
  const LogNormalFit fit = fit_log_normal(lengths);
  const double l = std::log(10.0);
  EXPECT_DOUBLE_EQ(fit.mu, l);
  EXPECT_DOUBLE_EQ(fit.sigma, l * std::sqrt(2.0 / 3.0));
  EXPECT_EQ(fit.count, 3);
  EXPECT_EQ(fit.min, 1);
  EXPECT_EQ(fit.max, 100);
  EXPECT_DOUBLE_EQ(fit.mean, 37.0);
  // The largest of |F(0.5) - 0|, |F(1.5) - 1/3|, |F(9.5) - 1/3|, |F(10.5) - 2/3|, |F(99.5) - 2/3|,
  // |F(100.5) - 1|, F(x) = Phi((ln x - mu) / sigma).
  double expected = 0.0;
  for (const auto& [x, share] : {std::pair(0.5, 0.0),
                                 {1.5, 1.0 / 3},
                                 {9.5, 1.0 / 3},
                                 {10.5, 2.0 / 3},
                                 {99.5, 2.0 / 3},
                                 {100.5, 1.0}}) {
    const double z = (std::log(x) - fit.mu) / fit.sigma;
    expected = std::max(expected, std::fabs(0.5 * std::erfc(-z / std::sqrt(2.0)) - share));
  }
  EXPECT_DOUBLE_EQ(fit.ks_distance, expected);
}

// Standard errors of n draws: sigma / sqrt(n) for mu, sigma / sqrt(2 n) for sigma; the distance of
// a sample from its own fit is below 1.2 / sqrt(n).
TEST(FitLogNormal, FindsTheParametersOfASample) {
  const LogNormalLength law = LogNormalLength::from_median(2000.0, 0.8, 1, 10'000'000);
  RandomStream random(1, "lengths");
  std::vector<std::int32_t> lengths(50'000);
  for (auto& length : lengths) {
    length = law.sample(random.next());
  }
  const LogNormalFit fit = fit_log_normal(lengths);
  const double n = static_cast<double>(lengths.size());
  EXPECT_NEAR(fit.mu, law.mu(), 3.0 * 0.8 / std::sqrt(n));
  EXPECT_NEAR(fit.sigma, 0.8, 3.0 * 0.8 / std::sqrt(2.0 * n));
  EXPECT_LT(fit.ks_distance, 1.2 / std::sqrt(n));
}

TEST(FitLogNormal, RefusesWhatHasNoLogNormal) {
  EXPECT_THROW(fit_log_normal(std::vector<std::int32_t>{}), std::logic_error);
  EXPECT_THROW(fit_log_normal(std::vector<std::int32_t>{5}), std::logic_error);
  EXPECT_THROW(fit_log_normal(std::vector<std::int32_t>{5, 5, 5}), std::logic_error);
  EXPECT_THROW(fit_log_normal(std::vector<std::int32_t>{5, 0, 7}), std::logic_error);
}

}  // namespace
}  // namespace moeplan::sim
