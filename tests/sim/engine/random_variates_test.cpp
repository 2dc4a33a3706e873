// Distributions of RandomStream. Seeds are fixed, so a test passes always or never; the limits are
// those that a correct generator exceeds once in about a thousand seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "sim/engine/random_stream.hpp"

namespace moeplan::sim {
namespace {

double phi(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

// Kolmogorov-Smirnov distance times sqrt(n); its 0.999 quantile is 1.95.
double scaled_ks(std::vector<double> sample, const std::function<double(double)>& cumulative) {
  std::sort(sample.begin(), sample.end());
  const double n = static_cast<double>(sample.size());
  double distance = 0.0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double fitted = cumulative(sample[i]);
    distance = std::max({distance, std::fabs(fitted - static_cast<double>(i) / n),
                         std::fabs(fitted - static_cast<double>(i + 1) / n)});
  }
  return distance * std::sqrt(n);
}

std::vector<double> draws(int n, const std::function<double()>& draw) {
  std::vector<double> sample(static_cast<std::size_t>(n));
  std::generate(sample.begin(), sample.end(), draw);
  return sample;
}

TEST(UnitInterval, NeverReachesItsEnds) {
  EXPECT_EQ(unit_interval(0), 0x1p-53);                        // (0 + 1/2) 2^-52
  EXPECT_EQ(unit_interval(~std::uint64_t{0}), 1.0 - 0x1p-53);  // (2^52 - 1/2) 2^-52
  EXPECT_EQ(unit_interval(std::uint64_t{1} << 63), 0.5 + 0x1p-53);
}

TEST(NormalQuantile, KnownPercentagePoints) {
  EXPECT_EQ(normal_quantile(0.5), 0.0);
  // The 97.5 % point of every statistics table, 1.959963984540054.
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-15);
  EXPECT_NEAR(normal_quantile(0.025), -1.959963984540054, 1e-15);
}

// Phi(quantile(p)) = p in all three pieces of the approximation and at their seams. An error dz
// shows as dp = phi(z) dz, about |z| p dz in the tail: relative to p, |z|^2 times that of z.
TEST(NormalQuantile, InvertsTheDistributionFunction) {
  std::vector<double> points = {1e-300, 1e-100, 1e-20, 1e-12, 1.3e-11, 1.4e-11, 1e-6,  0.0749,
                                0.075,  0.0751, 0.3,   0.7,   0.9249,  0.925,   0.9251};
  for (int i = 1; i < 1000; ++i) {
    points.push_back(i / 1000.0);
  }
  for (const double p : points) {
    const double z = normal_quantile(p);
    EXPECT_NEAR(phi(z) / p, 1.0, 4e-15 * (1.0 + z * z)) << p;
  }
  for (const double p : {0.0, 1.0, -0.1, 1.1, std::nan("")}) {
    EXPECT_THROW(normal_quantile(p), std::logic_error);
  }
}

TEST(RandomStream, UniformFillsTheInterval) {
  RandomStream stream(11, "uniform");
  EXPECT_LT(scaled_ks(draws(200'000, [&] { return stream.uniform(); }), [](double x) { return x; }),
            1.95);
}

TEST(RandomStream, ExponentialHasItsDistribution) {
  RandomStream stream(12, "exponential");
  EXPECT_LT(scaled_ks(draws(200'000, [&] { return stream.exponential(3.0); }),
                      [](double x) { return -std::expm1(-x / 3.0); }),
            1.95);
  EXPECT_THROW(stream.exponential(0.0), std::logic_error);
  EXPECT_THROW(stream.exponential(std::nan("")), std::logic_error);
}

TEST(RandomStream, NormalHasItsDistribution) {
  RandomStream stream(13, "normal");
  EXPECT_LT(scaled_ks(draws(200'000, [&] { return stream.normal(); }), phi), 1.95);
}

TEST(RandomStream, LogNormalHasItsDistribution) {
  RandomStream stream(14, "log-normal");
  EXPECT_LT(scaled_ks(draws(200'000, [&] { return stream.log_normal(6.0, 0.8); }),
                      [](double x) { return phi((std::log(x) - 6.0) / 0.8); }),
            1.95);
  EXPECT_DOUBLE_EQ(stream.log_normal(1.0, 0.0), std::numbers::e);
  EXPECT_THROW(stream.log_normal(0.0, -1.0), std::logic_error);
}

// Pearson's sum over n cells has mean n - 1 and variance 2 (n - 1).
void expect_even(const std::vector<double>& counts) {
  double total = 0.0;
  for (const double count : counts) {
    total += count;
  }
  const double cells = static_cast<double>(counts.size());
  double sum = 0.0;
  for (const double count : counts) {
    sum += (count - total / cells) * (count - total / cells) / (total / cells);
  }
  EXPECT_LT(std::fabs(sum - (cells - 1)), 4.0 * std::sqrt(2.0 * (cells - 1)));
}

TEST(RandomStream, BelowIsEven) {
  RandomStream stream(15, "dice");
  for (const std::uint64_t sides : {2u, 6u, 1000u}) {
    std::vector<double> counts(sides);
    for (int i = 0; i < 100'000; ++i) {
      counts.at(stream.below(sides)) += 1.0;
    }
    expect_even(counts);
  }
  EXPECT_EQ(stream.below(1), 0u);
  EXPECT_THROW(stream.below(0), std::logic_error);
}

// n = 3 * 2^62: a multiply without rejection, floor(w n / 2^64) = floor(3 w / 4), gives residues
// modulo 3 in the ratio 2 : 1 : 1.
TEST(RandomStream, BelowIsEvenWhereTheBiasWouldBeLargest) {
  RandomStream stream(16, "huge dice");
  std::vector<double> counts(3);
  for (int i = 0; i < 100'000; ++i) {
    counts[stream.below(std::uint64_t{3} << 62) % 3] += 1.0;
  }
  expect_even(counts);
}

}  // namespace
}  // namespace moeplan::sim
