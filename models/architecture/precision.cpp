#include "models/architecture/precision.hpp"

namespace moeplan::models {
namespace {

struct Row {
  Precision precision;
  const char* name;
  double weight;
  double plain;
  double activation;
};

constexpr Row kRows[] = {
    {Precision::fp32, "fp32", 4.0, 4.0, 4.0},
    {Precision::bf16, "bf16", 2.0, 2.0, 2.0},
    {Precision::fp16, "fp16", 2.0, 2.0, 2.0},
    {Precision::fp8, "fp8", 1.0, 2.0, 1.0},
    {Precision::fp8_block, "fp8_block", 1.0 + 4.0 / (128.0 * 128.0), 2.0, 1.0},
    {Precision::int8, "int8", 1.0, 2.0, 1.0},
    {Precision::w4a16, "w4a16", 0.5 + 2.0 / 128.0, 2.0, 2.0},
    {Precision::mxfp4, "mxfp4", 0.5 + 1.0 / 32.0, 2.0, 2.0},
    {Precision::nvfp4, "nvfp4", 0.5 + 1.0 / 16.0, 2.0, 0.5 + 1.0 / 16.0},
};

const Row& row(Precision precision) { return kRows[static_cast<std::size_t>(precision)]; }

}  // namespace

std::string_view name_of(Precision precision) { return row(precision).name; }

std::optional<Precision> precision_from(std::string_view name) {
  for (const Row& candidate : kRows) {
    if (name == candidate.name) {
      return candidate.precision;
    }
  }
  return std::nullopt;
}

const std::vector<std::string>& precision_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const Row& candidate : kRows) {
      result.emplace_back(candidate.name);
    }
    return result;
  }();
  return names;
}

double weight_bytes(Precision precision) { return row(precision).weight; }
double plain_bytes(Precision precision) { return row(precision).plain; }
double activation_bytes(Precision precision) { return row(precision).activation; }

}  // namespace moeplan::models
