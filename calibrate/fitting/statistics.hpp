#pragma once
// Errors of predictions against measurements, the way every report states them.

#include <cstdint>
#include <optional>
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

// How often a law's 5 to 95 % band holds what was measured.
struct Coverage {
  std::int64_t points = 0;
  std::int64_t covered = 0;
  double fraction() const { return static_cast<double>(covered) / static_cast<double>(points); }
};

// Of rows that were predicted without their own group. The band comes without it, too: for each
// group, log_sd of the rows of all others, and covered are rows with |ln(predicted / measured)| up
// to 1.645 of it. group_of [rows]: which group a row is of. Nothing for fewer than three groups.
std::optional<Coverage> held_out_coverage(const std::vector<double>& predicted,
                                          const std::vector<double>& measured,
                                          const std::vector<int>& group_of);

// Least band of a law whose shapes could not be held out (fewer than three): what fits miss on
// shapes they have not seen. Source: held-out sd of the H100 and A100 expert and dense laws, 0.06
// to 0.23 (models/data/profiles).
inline constexpr double kUnseenBand = 0.10;

}  // namespace moeplan::calibrate
