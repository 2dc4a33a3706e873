#include "calibrate/fitting/plausibility.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cmath>

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

// Elements of the weights that a row's active experts (or their part) have.
double elements_of(const models::ExpertSample& sample) {
  const models::ExpertShape& shape = sample.shape;
  const double inputs = shape.gated ? 2.0 : 1.0;
  const double matrices = sample.part == models::ExpertPart::up     ? inputs
                          : sample.part == models::ExpertPart::down ? 1.0
                                                                    : inputs + 1.0;
  return matrices * static_cast<double>(shape.hidden) * static_cast<double>(shape.intermediate);
}

// The model in a device's name, without case and separators; "" when it holds none that we know.
std::string model_in(const std::string& name) {
  // Longer names first: "GH200" holds "H200", "A100" holds "A10".
  constexpr std::array<const char*, 20> kModels{
      "RTXPRO6000", "GB300", "GB200", "GH200", "B300", "B200",   "B100",   "H800", "H200", "H100",
      "H20",        "A800",  "A100",  "A10G",  "A10",  "MI355X", "MI325X", "L40S", "V100", "L20"};
  std::string plain;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      plain += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
  }
  for (const char* model : kModels) {
    if (plain.find(model) != std::string::npos) {
      return model;
    }
  }
  return "";
}

void check_stated_peak(const models::Measurements& file, const models::Gpu& gpu) {
  if (!file.stated_peak || !gpu.supports(file.stated_peak->precision)) {
    return;
  }
  const double peak = gpu.peak_for(file.stated_peak->precision).value();
  if (std::abs(file.stated_peak->flops / peak - 1.0) > 0.05) {
    throw InputError(
        {.code = "E_UNIT",
         .file = file.file,
         .mark = {},
         .pointer = "",
         .what = fmt::format("the file's utilisations are of another device than {}", gpu.id),
         .got = fmt::format("{:.4g} TFLOP/s in {}", file.stated_peak->flops * 1e-12,
                            name_of(file.stated_peak->precision)),
         .expected = fmt::format("{:.4g} TFLOP/s", peak * 1e-12),
         .fix = "another --hardware?"});
  }
}

}  // namespace

bool too_fast(const models::ExpertSample& sample, const models::Gpu& gpu) {
  const double read =
      elements_of(sample) * weight_bytes(sample.shape.precision) * sample.load.active_experts;
  return !sample.drawn() && read > 2.0 * in_bytes(gpu.l2_cache) &&
         read / sample.origin.seconds > kSlack * gpu.bandwidth.value();
}

bool names_other_device(const std::string& stated, const models::Gpu& gpu) {
  const std::string measured = model_in(stated);
  std::string own = model_in(gpu.name);
  own = own.empty() ? model_in(gpu.id) : own;
  return !measured.empty() && !own.empty() && measured != own;
}

void check_units(const models::Measurements& file, const models::Gpu& gpu) {
  check_stated_peak(file, gpu);
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
    throw InputError(
        {.code = "E_UNIT",
         .file = file.file,
         .mark = {first, 0},
         .pointer = "",
         .what =
             fmt::format("{} of {} rows are faster than the peak rates of {}", fast, rows, gpu.id),
         .got = "the file's durations",
         .expected = "durations that the device can reach",
         .fix = "another unit of time (milliseconds for microseconds), or another device?"});
  }
}

std::string why_not_between(const models::CollectiveSample& sample, const models::Gpu& device) {
  const std::string& source = sample.origin.kernel_source;
  if (!source.starts_with("mpi_")) {
    return "";
  }
  if (source.ends_with("_host_staged")) {
    return "copied through the host's memory within the time, because MPI was not CUDA-aware: no "
           "figure of the links between GPUs";
  }
  if (source.ends_with("_host") && !device.is_cpu()) {
    return "between buffers of the host, which no link between GPUs carried";
  }
  return "";
}

void check_exchanges(const models::Measurements& file, const models::Gpu& device) {
  for (const models::CollectiveSample& sample : file.collectives) {
    const std::string why = why_not_between(sample, device);
    if (!why.empty()) {
      throw InputError(
          {.code = "E_VALUE",
           .file = file.file,
           .mark = {sample.origin.line, 0},
           .pointer = "",
           .what = fmt::format("rows that cannot become a law of {}: {}", device.id, why),
           .got = sample.origin.kernel_source,
           .expected = "exchanges between the devices themselves",
           .fix = "moeplan-measure all2all --buffers device with a CUDA-aware MPI, or "
                  "--transport nccl"});
    }
  }
}

}  // namespace moeplan::calibrate
