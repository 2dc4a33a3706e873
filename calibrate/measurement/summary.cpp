#include "calibrate/measurement/summary.hpp"

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kNormal95 = 1.96;
constexpr double kLeastMass = 0.1;  // of a mode
constexpr double kGapOverMedian = 5.0;
constexpr double kLeastRatio = 1.1;  // of the modes' medians

std::vector<double> part(const std::vector<double>& sorted, std::size_t begin, std::size_t end) {
  return {sorted.begin() + static_cast<std::ptrdiff_t>(begin),
          sorted.begin() + static_cast<std::ptrdiff_t>(end)};
}

}  // namespace

std::optional<MedianInterval> median_interval(const std::vector<double>& sorted) {
  const auto n = static_cast<double>(sorted.size());
  const double reach = kNormal95 * std::sqrt(n);
  const double low = std::floor((n - reach) / 2.0);
  const double high = std::ceil(1.0 + (n + reach) / 2.0);
  if (low < 1.0 || high > n) {
    return std::nullopt;
  }
  return MedianInterval{.low = sorted[static_cast<std::size_t>(low) - 1],
                        .median = quantile(sorted, 0.5),
                        .high = sorted[static_cast<std::size_t>(high) - 1]};
}

double quantile(const std::vector<double>& sorted, double q) {
  require(!sorted.empty(), "a quantile of no samples");
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::optional<Modes> find_modes(const std::vector<double>& sorted) {
  const std::size_t n = sorted.size();
  // At least 10 % on each side, and at least two samples: one is an outlier, no mode.
  const auto least = std::max<std::size_t>(
      2, static_cast<std::size_t>(std::ceil(kLeastMass * static_cast<double>(n))));
  if (n < 2 * least) {
    return std::nullopt;
  }
  std::vector<double> gaps;
  std::size_t widest = least;
  for (std::size_t i = 1; i < n; ++i) {
    gaps.push_back(std::log(sorted[i] / sorted[i - 1]));
    if (i >= least && i <= n - least && gaps[i - 1] > gaps[widest - 1]) {
      widest = i;
    }
  }
  const double gap = gaps[widest - 1];
  std::sort(gaps.begin(), gaps.end());
  const Modes modes{.low = quantile(part(sorted, 0, widest), 0.5),
                    .high = quantile(part(sorted, widest, n), 0.5),
                    .low_fraction = static_cast<double>(widest) / static_cast<double>(n)};
  if (gap <= kGapOverMedian * quantile(gaps, 0.5) || modes.high <= kLeastRatio * modes.low) {
    return std::nullopt;
  }
  return modes;
}

Summary summarize(std::vector<double> samples) {
  require(!samples.empty(), "a summary of no samples");
  std::sort(samples.begin(), samples.end());
  require(samples.front() > 0.0 && std::isfinite(samples.back()),
          "samples are finite and above zero");
  const auto n = static_cast<double>(samples.size());
  double sum = 0.0;
  double log_sum = 0.0;
  for (const double sample : samples) {
    sum += sample;
    log_sum += std::log(sample);
  }
  double squares = 0.0;
  for (const double sample : samples) {
    const double deviation = std::log(sample) - log_sum / n;
    squares += deviation * deviation;
  }
  return {.n = static_cast<std::int64_t>(samples.size()),
          .min = samples.front(),
          .p1 = quantile(samples, 0.01),
          .p5 = quantile(samples, 0.05),
          .p25 = quantile(samples, 0.25),
          .p50 = quantile(samples, 0.5),
          .p75 = quantile(samples, 0.75),
          .p95 = quantile(samples, 0.95),
          .p99 = quantile(samples, 0.99),
          .max = samples.back(),
          .mean = sum / n,
          .log_sd = samples.size() > 1 ? std::sqrt(squares / (n - 1.0)) : 0.0,
          .median = median_interval(samples),
          .modes = find_modes(samples)};
}

}  // namespace moeplan::calibrate
