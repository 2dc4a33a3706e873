#include "calibrate/import/nccl_row.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>

namespace moeplan::calibrate {

std::string disagreement(const NcclRow& row, const NcclRun& run, double rounding) {
  if (row.time_us <= 0.0) {
    return "a duration of zero";
  }
  const double algbw = row.size / row.time_us * 1e-3;
  // The time has two decimals, or three digits at least.
  const double slack = rounding + algbw * std::max(0.006 / row.time_us, 0.006);
  if (std::abs(row.algbw - algbw) > slack) {
    return fmt::format("algbw is not size / time in microseconds, {:.2f} GB/s", algbw);
  }
  const double n = run.ranks;
  const double factor =
      (run.collective == models::Collective::all_reduce ? 2.0 : 1.0) * (n - 1.0) / n;
  if (std::abs(row.busbw - row.algbw * factor) > rounding * (1.0 + factor) + 0.01 * row.busbw) {
    return fmt::format("busbw is not algbw x {:.4f}, as it is for {} on {} ranks", factor,
                       family_of(run.collective), run.ranks);
  }
  return "";
}

std::optional<models::Precision> nccl_precision(const std::string& type) {
  using models::Precision;
  static const std::map<std::string, Precision> kTypes{
      {"float", Precision::fp32}, {"half", Precision::fp16},    {"bfloat16", Precision::bf16},
      {"int8", Precision::int8},  {"uint8", Precision::int8},   {"fp8_e4m3", Precision::fp8},
      {"f8e4m3", Precision::fp8}, {"fp8_e5m2", Precision::fp8}, {"f8e5m2", Precision::fp8},
      {"int32", Precision::fp32}, {"uint32", Precision::fp32}};
  const auto found = kTypes.find(type);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

models::CollectiveSample sample_of(const NcclRow& row, const NcclRun& run,
                                   models::Precision precision) {
  models::CollectiveSample sample;
  sample.origin = {.kernel_source = "nccl_tests",
                   .precision = precision,
                   .line = row.line,
                   .seconds = row.time_us * 1e-6};
  sample.collective = run.collective;
  sample.ranks = run.ranks;
  sample.nodes = run.nodes;
  sample.bytes = row.size;
  return sample;
}

}  // namespace moeplan::calibrate
