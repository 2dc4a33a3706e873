#pragma once
// Distribution: mean, exact percentiles and largest value of many values, in seconds.

#include <cstdint>
#include <span>
#include <vector>

#include "sim/result/gap_log.hpp"

namespace moeplan::sim {

struct Distribution {
  std::int64_t count = 0;
  double mean = 0.0;
  double p50 = 0.0;
  double p90 = 0.0;
  double p95 = 0.0;
  double p99 = 0.0;
  double max = 0.0;
  // Standard error of p99, from the p99 of ten batches in order of arrival (so that it sees the
  // correlation between neighbours); 0 when there are fewer than 100 values.
  double p99_error = 0.0;
  friend bool operator==(const Distribution&, const Distribution&) = default;
};

// The value at fraction q of sorted values, linear between neighbours (numpy's default).
// Throws: std::logic_error when empty or q is outside [0, 1].
double percentile(std::span<const double> sorted, double q);

// values >= 0, in order of arrival. Percentiles as percentile(), without sorting all values.
Distribution distribution_of(std::span<const double> values);

// Over all gaps, each `count` times; no p99 error. The mean is an exact sum of picoseconds.
Distribution distribution_of(const GapLog& gaps);

}  // namespace moeplan::sim
