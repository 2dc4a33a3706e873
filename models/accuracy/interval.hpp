#pragma once
// Intervals of a mean over repetitions whose spread is estimated from them (Student's t): with few
// of them, wider than those from known standard errors.

#include <cstdint>
#include <optional>
#include <span>

namespace moeplan::models {

struct MeanInterval {
  double mean = 0.0;
  std::optional<double> standard_error;  // of the mean; absent for one value
  std::optional<double> low;             // two-sided at the confidence asked for
  std::optional<double> high;
  std::int64_t count = 0;
};

// mean +- t(count - 1) sd / sqrt(count).
// Throws: std::logic_error without values, or for a confidence outside (0, 1).
MeanInterval student_interval(std::span<const double> values, double confidence);

}  // namespace moeplan::models
