#pragma once
// Interval: 5th, 50th and 95th percentile of independent draws, and how well so many draws know
// them.

#include <array>
#include <cstdint>
#include <span>

namespace moeplan::sim {

// The levels of an interval, in order.
inline constexpr std::array<double, 3> kLevels = {0.05, 0.5, 0.95};

struct Interval {
  std::array<double, 3> values{};  // at kLevels; infinite where so many draws have no finite value
  // Distribution-free: half the distance of the order statistics one binomial standard deviation,
  // sqrt(q (1 - q) / n), below and above each level. Source: Hollander, Wolfe, Nonparametric
  // statistical methods, 2nd ed. (1999), 3.6.
  std::array<double, 3> errors{};
  // |value - the value of the first half of the draws|.
  std::array<double, 3> half_changes{};
  double low() const { return values[0]; }
  double median() const { return values[1]; }
  double high() const { return values[2]; }
};

// Fewer draws know nothing of a 5th percentile: it lies below the least of them.
inline constexpr std::int64_t kFewestDraws = 20;

// draws: in the order drawn, finite or +infinity. The value at level q is the order statistic of
// rank q (n + 1), linear between ranks: another draw falls below it with probability q on average,
// however few draws there are (Weibull's position; numpy's default, ranks over n - 1, is too
// narrow: 64 draws would cover 87 % for 90 %). Throws: std::logic_error when empty.
Interval interval_of(std::span<const double> draws);

}  // namespace moeplan::sim
