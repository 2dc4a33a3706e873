#include "sim/uncertainty/interval.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// The order statistic of rank level x (n + 1), linear between ranks; between a finite and an
// infinite one lies an infinite one.
double at(const std::vector<double>& sorted, double level) {
  const double last = static_cast<double>(sorted.size() - 1);
  const double place = std::clamp(level * (last + 2.0) - 1.0, 0.0, last);
  const auto below = static_cast<std::size_t>(place);
  const double part = place - static_cast<double>(below);
  if (part == 0.0 || sorted[below] == sorted[below + 1]) {
    return sorted[below];
  }
  const double above = sorted[below + 1];
  return std::isfinite(above) ? sorted[below] + part * (above - sorted[below]) : above;
}

std::vector<double> sorted(std::span<const double> draws) {
  std::vector<double> values(draws.begin(), draws.end());
  std::sort(values.begin(), values.end());
  return values;
}

// a - b, 0 for two infinities.
double distance(double a, double b) { return a == b ? 0.0 : std::abs(a - b); }

}  // namespace

Interval interval_of(std::span<const double> draws) {
  require(!draws.empty(), "an interval has draws");
  const std::vector<double> all = sorted(draws);
  const std::vector<double> half = sorted(draws.first((draws.size() + 1) / 2));
  Interval result;
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    const double q = kLevels[i];
    const double step = std::sqrt(q * (1.0 - q) / static_cast<double>(draws.size()));
    result.values[i] = at(all, q);
    result.errors[i] = 0.5 * distance(at(all, q + step), at(all, q - step));
    result.half_changes[i] = distance(result.values[i], at(half, q));
  }
  return result;
}

}  // namespace moeplan::sim
