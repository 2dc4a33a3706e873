#include "sim/workload/fit_log_normal.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "models/units/require.hpp"

namespace moeplan::sim {

namespace {

// sorted [n], ascending.
double ks_distance(const std::vector<std::int32_t>& sorted, double mu, double sigma) {
  const auto fitted = [&](std::int32_t length) {
    return 0.5 * std::erfc((mu - std::log(length + 0.5)) / (sigma * std::numbers::sqrt2));
  };
  const double count = static_cast<double>(sorted.size());
  double distance = 0.0;
  double share_before = 0.0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i + 1 < sorted.size() && sorted[i + 1] == sorted[i]) {
      continue;
    }
    // The sample's share is constant up to the length before this one, the fit rises: both ends.
    const double share = static_cast<double>(i + 1) / count;
    distance = std::max({distance, std::fabs(share_before - fitted(sorted[i] - 1)),
                         std::fabs(share - fitted(sorted[i]))});
    share_before = share;
  }
  return distance;
}

}  // namespace

LogNormalFit fit_log_normal(std::span<const std::int32_t> lengths) {
  require(lengths.size() >= 2, "a log-normal fit needs at least two lengths");
  std::vector<std::int32_t> sorted(lengths.begin(), lengths.end());
  std::sort(sorted.begin(), sorted.end());
  require(sorted.front() >= 1, "a log-normal fit needs lengths of at least one token");
  require(sorted.front() < sorted.back(), "a log-normal fit needs two different lengths");

  const double count = static_cast<double>(sorted.size());
  double log_sum = 0.0;
  double sum = 0.0;
  for (const std::int32_t length : sorted) {
    log_sum += std::log(length);
    sum += length;
  }
  const double mu = log_sum / count;
  double squares = 0.0;
  for (const std::int32_t length : sorted) {
    const double deviation = std::log(length) - mu;
    squares += deviation * deviation;
  }
  LogNormalFit fit;
  fit.mu = mu;
  fit.sigma = std::sqrt(squares / count);
  fit.count = static_cast<std::int64_t>(sorted.size());
  fit.min = sorted.front();
  fit.max = sorted.back();
  fit.mean = sum / count;
  fit.ks_distance = ks_distance(sorted, fit.mu, fit.sigma);
  return fit;
}

}  // namespace moeplan::sim
