#pragma once
// What is kept of the samples of one point: quantiles, spread, the distribution-free interval of
// the median, and two modes where there are two. Durations in seconds.

#include <cstdint>
#include <optional>
#include <vector>

namespace moeplan::calibrate {

// 95 % interval of the median from order statistics, whatever the distribution:
//   x[floor((n - 1.96 sqrt n) / 2)] .. x[ceil(1 + (n + 1.96 sqrt n) / 2)], ranks from 1.
// Source: Hoefler, Belli, Scientific benchmarking of parallel computing systems, SC 2015, 3.1.3.
struct MedianInterval {
  double low = 0.0;
  double median = 0.0;
  double high = 0.0;
  // (high - low) / 2 / median
  double half_width() const { return (high - low) / 2.0 / median; }
};

// nullopt where n is too small for these ranks to exist (below 6).
std::optional<MedianInterval> median_interval(const std::vector<double>& sorted);

// The q-quantile, linear between order statistics (rank 1 + q (n - 1)). n >= 1, 0 <= q <= 1.
double quantile(const std::vector<double>& sorted, double q);

// Two populations: the widest gap between neighbouring log samples that leaves at least 10 % of
// the mass on each side is wider than 5 median gaps, and the medians on its sides differ by more
// than 10 % (among a few tens of samples of any one distribution, some gap is that wide).
struct Modes {
  double low = 0.0;           // median of the faster
  double high = 0.0;          // of the slower
  double low_fraction = 0.0;  // of the samples
};
std::optional<Modes> find_modes(const std::vector<double>& sorted);

struct Summary {
  std::int64_t n = 0;
  double min = 0.0;
  double p1 = 0.0;
  double p5 = 0.0;
  double p25 = 0.0;
  double p50 = 0.0;
  double p75 = 0.0;
  double p95 = 0.0;
  double p99 = 0.0;
  double max = 0.0;
  double mean = 0.0;
  double log_sd = 0.0;  // standard deviation of ln(duration); 0 for one sample
  std::optional<MedianInterval> median;
  std::optional<Modes> modes;
};

// samples: n >= 1, all finite and > 0 (std::logic_error else), in any order.
Summary summarize(std::vector<double> samples);

}  // namespace moeplan::calibrate
