// Which rows read from the L2 cache what serving would read from memory.

#include "calibrate/fitting/fit_kernels.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kLeastSeconds = 1e-6;  // reading less than this hides behind any floor
constexpr double kShareOfL2 = 0.6;

bool stays_in_cache(double bytes, const models::Gpu& gpu) {
  return bytes > kLeastSeconds * gpu.bandwidth.value() &&
         bytes < kShareOfL2 * in_bytes(gpu.l2_cache);
}

bool weights_stay(const models::SampleOrigin& origin, double bytes, double flops,
                  const models::Gpu& gpu) {
  return origin.repeated && stays_in_cache(bytes, gpu) && gpu.supports(origin.precision) &&
         bytes / gpu.bandwidth.value() > flops / gpu.peak_for(origin.precision).value();
}

}  // namespace

bool is_cached(const models::AttentionSample& sample, const models::Gpu& gpu) {
  const models::AttentionShape& shape = sample.shape;
  return stays_in_cache(sample.sequences * sample.history * 2.0 *
                            static_cast<double>(shape.kv_heads * shape.head_dim) *
                            models::activation_bytes(shape.kv_precision),
                        gpu);
}

bool is_cached(const models::ExpertSample& sample, const models::Gpu& gpu) {
  const models::ExpertShape& shape = sample.shape;
  const double elements = (shape.gated ? 3.0 : 2.0) * static_cast<double>(shape.hidden) *
                          static_cast<double>(shape.intermediate);
  return weights_stay(sample.origin,
                      elements * weight_bytes(shape.precision) * sample.load.active_experts,
                      2.0 * elements * sample.load.pairs, gpu);
}

bool is_cached(const models::DenseSample& sample, const models::Gpu& gpu) {
  const double elements = static_cast<double>(sample.columns) * static_cast<double>(sample.inner);
  return weights_stay(sample.origin, elements * weight_bytes(sample.origin.precision),
                      2.0 * elements * sample.rows, gpu);
}

}  // namespace moeplan::calibrate
