#include "calibrate/cpu_hardware.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/input_error.hpp"
#include "models/text/json.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kBeyondCache = 2.0;  // of the last-level cache: less may have stayed in it

// A JSON string is a YAML one too.
std::string quoted(std::string text) { return text::Json(std::move(text)).line(); }

}  // namespace

CpuRates cpu_rates(const models::Measurements& measured, Bytes last_level_cache) {
  CpuRates rates;
  const auto moved = [&](double bytes, double seconds) {
    if (bytes > kBeyondCache * in_bytes(last_level_cache)) {
      rates.bandwidth = std::max(rates.bandwidth, BytesPerSecond(bytes / seconds));
    }
  };
  const auto computed = [&](double flops, double seconds) {
    rates.compute = std::max(rates.compute, FlopsPerSecond(flops / seconds));
  };
  for (const models::StreamSample& row : measured.streams) {
    moved(row.bytes, row.origin.seconds);
  }
  for (const models::DenseSample& row : measured.dense) {
    const double elements = static_cast<double>(row.columns) * static_cast<double>(row.inner);
    moved(elements * weight_bytes(row.origin.precision), row.origin.seconds);
    computed(2.0 * row.rows * elements, row.origin.seconds);
  }
  for (const models::ExpertSample& row : measured.experts) {
    const double elements = static_cast<double>(row.shape.hidden * row.shape.intermediate);
    if (row.part == models::ExpertPart::layer || row.part == models::ExpertPart::products) {
      moved(3.0 * elements * row.load.active_experts * weight_bytes(row.shape.precision),
            row.origin.seconds);
      computed(6.0 * elements * row.load.pairs, row.origin.seconds);
    }
  }
  for (const models::AttentionSample& row : measured.attention) {
    if (row.decode) {
      moved(2.0 * row.sequences * row.history *
                static_cast<double>(row.shape.kv_heads * row.shape.head_dim) *
                models::activation_bytes(row.shape.kv_precision),
            row.origin.seconds);
    }
  }
  if (!(rates.bandwidth.value() > 0.0) || !(rates.compute.value() > 0.0)) {
    throw InputError({.code = "E_VALUE",
                      .file = measured.file,
                      .mark = {},
                      .pointer = "",
                      .what = "no copy larger than the cache, or no product, was measured",
                      .got = "",
                      .expected = "both, for the rates of the hardware file",
                      .fix = "a larger --budget"});
  }
  return rates;
}

std::string cpu_hardware_text(const models::Measurements& measured, const KernelDevice& device,
                              Watts power) {
  const CpuRates rates = cpu_rates(measured, device.last_level_cache());
  return fmt::format(
      R"(# A measured CPU: rates are the best that its kernels reached, not a maker's figures.
schema: moeplan.gpu
schema_version: 1
name: {name}
sources:
  measured: {origin}
  system: "what the operating system reports"
  user: "stated to moeplan-measure --power"
  unused: "not measured: one device exchanges nothing"
  library: "the CPU kernels compute in single precision"
memory: {{value: {memory:.0f} B, source: system}}
bandwidth: {{value: {bandwidth:.4g} GB/s, source: measured}}
multiprocessors: {{value: {threads}, source: measured}}
l2_cache: {{value: {cache:.0f} B, source: system}}
power: {{value: {power:.6g} W, source: user}}
fabric: {{value: pcie4-x16, source: unused}}
uplink: {{value: ethernet-100g, source: unused}}
gpus_per_node: {{value: 1, source: unused}}
peak:
  fp32: {{dense: {compute:.5g} TFLOP/s, source: measured}}
# Weights of these formats would be widened to single precision first.
computes_in:
  bf16: {{value: fp32, source: library}}
  fp16: {{value: fp32, source: library}}
)",
      fmt::arg("name",
               quoted(fmt::format("{}, {} threads", device.name(), device.multiprocessors()))),
      fmt::arg("threads", device.multiprocessors()),
      fmt::arg("origin", quoted(fmt::format("{}, sha256 {}, {}", measured.name, measured.sha256,
                                            measured.source))),
      fmt::arg("memory", in_bytes(device.memory())),
      fmt::arg("bandwidth", rates.bandwidth.value() * 1e-9),
      fmt::arg("cache", in_bytes(device.last_level_cache())), fmt::arg("power", power.value()),
      fmt::arg("compute", rates.compute.value() * 1e-12));
}

}  // namespace moeplan::calibrate
