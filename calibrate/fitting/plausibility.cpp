#include "calibrate/fitting/plausibility.hpp"

#include <fmt/format.h>

#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kSlack = 1.05;

bool dense_too_fast(const models::DenseSample& sample, const models::Gpu& gpu) {
  if (!gpu.supports(sample.origin.precision)) {
    return false;
  }
  const double n = static_cast<double>(sample.columns);
  const double k = static_cast<double>(sample.inner);
  const double read = n * k * weight_bytes(sample.origin.precision);
  const double flops = 2.0 * sample.rows * n * k;
  return (read > 2.0 * in_bytes(gpu.l2_cache) &&
          read / sample.origin.seconds > kSlack * gpu.bandwidth.value()) ||
         flops / sample.origin.seconds > kSlack * gpu.peak_for(sample.origin.precision).value();
}

}  // namespace

bool too_fast(const models::ExpertSample& sample, const models::Gpu& gpu) {
  const models::ExpertShape& shape = sample.shape;
  const double read = (shape.gated ? 3.0 : 2.0) * static_cast<double>(shape.hidden) *
                      static_cast<double>(shape.intermediate) * weight_bytes(shape.precision) *
                      sample.load.active_experts;
  return sample.distribution == "balanced" && read > 2.0 * in_bytes(gpu.l2_cache) &&
         read / sample.origin.seconds > kSlack * gpu.bandwidth.value();
}

void check_units(const models::Measurements& file, const models::Gpu& gpu) {
  std::size_t rows = 0;
  std::size_t fast = 0;
  int first = 0;
  const auto count = [&](bool is_fast, int line) {
    ++rows;
    if (is_fast) {
      ++fast;
      first = first == 0 ? line : first;
    }
  };
  for (const models::ExpertSample& sample : file.experts) {
    count(too_fast(sample, gpu), sample.origin.line);
  }
  for (const models::DenseSample& sample : file.dense) {
    count(dense_too_fast(sample, gpu), sample.origin.line);
  }
  if (rows > 0 && 4 * fast > rows) {
    throw InputError({.code = "E_UNIT",
                      .file = file.file,
                      .mark = {first, 0},
                      .pointer = "",
                      .what = fmt::format("{} of {} rows are faster than the peak rates of {}",
                                          fast, rows, gpu.id),
                      .got = "latency taken as milliseconds",
                      .expected = "durations that the device can reach",
                      .fix = "microseconds, or another device?"});
  }
}

}  // namespace moeplan::calibrate
