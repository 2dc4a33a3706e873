#include "models/latency/dense_latency.hpp"

#include "models/latency/law_reader.hpp"
#include "models/latency/p_norm.hpp"

namespace moeplan::models {

double dense_seconds(const DenseTheta& theta, Precision precision, double rows, double columns,
                     double inner) {
  if (rows <= 0.0) {
    return theta.launch;
  }
  const double moved = columns * inner * weight_bytes(precision) +
                       rows * inner * activation_bytes(precision) + 2.0 * rows * columns;
  return theta.launch + theta.inner * inner + theta.quantise * rows * inner +
         p_norm(moved / theta.bandwidth, 2.0 * rows * columns * inner / theta.compute, theta.norm);
}

DenseTheta dense_theta(const FittedLaw& law) {
  const double quantise = law.value("quantise_elements_per_s");
  return {.launch = law.value("launch_s"),
          .inner = law.value("inner_s"),
          .bandwidth = law.value("bandwidth_Bps"),
          .compute = law.value("compute_flops"),
          .norm = law.value("norm"),
          .quantise = quantise > 0.0 ? 1.0 / quantise : 0.0};
}

DenseLatency::DenseLatency(const FittedLaw& law, Precision precision)
    : info_(law.info), precision_(precision) {
  require_form(law, {"dense_pnorm_v1"});
  theta_ = dense_theta(law);
  rows_ = upper_axis(info_, "rows");
  columns_ = axis(info_, "columns");
  inner_ = axis(info_, "inner");
}

Estimate DenseLatency::estimate(double rows, std::int64_t columns, std::int64_t inner) const {
  const double n = static_cast<double>(columns);
  const double k = static_cast<double>(inner);
  const bool inside = rows_.contains(rows) && columns_.contains(n) && inner_.contains(k);
  return {seconds(dense_seconds(theta_, precision_, rows, n, k)), !inside};
}

}  // namespace moeplan::models
