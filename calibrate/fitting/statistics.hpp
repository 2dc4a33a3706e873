#pragma once
// Errors of predictions against measurements, the way every report states them.

#include <cstdint>
#include <vector>

namespace moeplan::calibrate {

// Quantile 0..1 by linear interpolation of the sorted values. Throws: std::logic_error if empty.
double quantile(std::vector<double> values, double fraction);

struct ErrorSummary {
  std::int64_t points = 0;
  double median_abs = 0.0;  // of |predicted / measured - 1|
  double p90_abs = 0.0;
  double max_abs = 0.0;
  double bias = 0.0;  // median of predicted / measured - 1
};
// Throws: std::logic_error unless both have the same size, at least 1, and measured > 0.
ErrorSummary summarize(const std::vector<double>& predicted, const std::vector<double>& measured);

// sd of ln(predicted / measured) that covers both the bulk and the tail: the larger of
// median |ln| / 0.674 and p90 |ln| / 1.645 (both are the sd for normal errors), at least 0.02.
double log_sd(const std::vector<double>& predicted, const std::vector<double>& measured);

// Least band of a law whose shapes could not be held out (fewer than three): what fits miss on
// shapes they have not seen. Source: held-out sd of the H100 and A100 expert and dense laws, 0.06
// to 0.23 (models/data/profiles).
inline constexpr double kUnseenBand = 0.10;

}  // namespace moeplan::calibrate
