// Routing::dirichlet: popularity drawn once from a seed.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/routing/routing.hpp"
#include "models/routing/split_mix.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

constexpr double kSmallestWeight = 1e-12;  // of the largest

// Standard normal: polar method of Marsaglia (log and sqrt only).
double normal(SplitMix& random) {
  for (;;) {
    const double a = 2.0 * random.uniform() - 1.0;
    const double b = 2.0 * random.uniform() - 1.0;
    const double s = a * a + b * b;
    if (s < 1.0 && s > 0.0) {
      return a * std::sqrt(-2.0 * std::log(s) / s);
    }
  }
}

// Log of a gamma variate of the given shape: that of shape + 1, times u^(1/shape), which for small
// shapes is too small for a double.
double log_gamma_variate(double shape, SplitMix& random) {
  const double d = shape + 1.0 - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = normal(random);
    const double root = 1.0 + c * x;
    if (root <= 0.0) {
      continue;
    }
    const double v = root * root * root;
    if (std::log(random.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return std::log(d * v) + std::log(random.uniform()) / shape;
    }
  }
}

}  // namespace

Routing Routing::dirichlet(std::int64_t experts, std::int64_t top_k, double concentration,
                           std::uint64_t seed, std::int64_t layer) {
  require(top_k >= 1 && top_k <= experts, "top_k is at least 1 and at most the experts");
  require(concentration >= 0.01 && concentration <= 1e6, "a concentration is 0.01 to 1e6");
  SplitMix random(split_mix(seed) ^ static_cast<std::uint64_t>(layer));
  std::vector<double> weights(static_cast<std::size_t>(experts));
  for (double& weight : weights) {
    weight = log_gamma_variate(concentration, random);
  }
  const double largest = *std::max_element(weights.begin(), weights.end());
  for (double& weight : weights) {
    weight = std::max(kSmallestWeight, std::exp(weight - largest));
  }
  std::vector<std::int64_t> own(weights.size());
  std::iota(own.begin(), own.end(), std::int64_t{0});
  return from_columns(std::move(weights), std::move(own), experts, top_k);
}

}  // namespace moeplan::models
