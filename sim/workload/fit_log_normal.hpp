#pragma once
// Log-normal parameters of measured request lengths, by maximum likelihood, and how well they fit.
// Used to turn a public trace into the two numbers that a scenario carries.

#include <cstdint>
#include <span>

namespace moeplan::sim {

struct LogNormalFit {
  double mu = 0.0;     // mean of ln(length)
  double sigma = 0.0;  // standard deviation of ln(length), divisor n (maximum likelihood)
  std::int64_t count = 0;
  std::int32_t min = 0;  // of the sample
  std::int32_t max = 0;
  double mean = 0.0;  // of the sample
  // Kolmogorov-Smirnov distance between the sample and the fit rounded to whole tokens:
  // max over n of |share of lengths <= n - Phi((ln(n + 1/2) - mu) / sigma)|.
  double ks_distance = 0.0;
};

// lengths [requests], tokens, all >= 1.
// Throws: std::logic_error for fewer than two lengths, a length < 1, or all lengths equal.
LogNormalFit fit_log_normal(std::span<const std::int32_t> lengths);

}  // namespace moeplan::sim
