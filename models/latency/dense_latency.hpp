#pragma once
// DenseLatency: time of one matrix product, rows x inner times inner x columns, weights of the
// given precision. Implementations: the one form dense_pnorm_v1.

#include <cstdint>

#include "models/architecture/precision.hpp"
#include "models/latency/law_info.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::models {

// Parameters of dense_pnorm_v1; seconds, bytes and FLOP.
struct DenseTheta {
  double launch = 0.0;     // s
  double inner = 0.0;      // s per inner element: one tile's run along it
  double bandwidth = 0.0;  // B/s
  double compute = 0.0;    // FLOP/s
  double norm = 1.0;
  double quantise = 0.0;  // s per input element, where activations are quantised first
};

// launch + inner K + quantise M K + ( (bytes / bandwidth)^p + (2 M N K / compute)^p )^(1/p), with
// M rows, N columns, K inner; bytes = N K w + M K a + 2 M N (weights, input, 16-bit output).
// launch for M = 0. Non-decreasing in M, N and K.
// Source: form chosen on aic_gemm_h100_vllm0.24.0 (calibrate/README.md).
double dense_seconds(const DenseTheta& theta, Precision precision, double rows, double columns,
                     double inner);

class DenseLatency {
 public:
  // Throws: InputError E_VALUE when the law's form is not dense_pnorm_v1.
  DenseLatency(const FittedLaw& law, Precision precision);

  // extrapolated: rows above the fitted range, columns or inner outside it.
  Estimate estimate(double rows, std::int64_t columns, std::int64_t inner) const;
  const LawInfo& info() const { return info_; }
  const DenseTheta& theta() const { return theta_; }

 private:
  LawInfo info_;
  DenseTheta theta_;
  Precision precision_;
  Interval rows_, columns_, inner_;
};

DenseTheta dense_theta(const FittedLaw& law);

}  // namespace moeplan::models
