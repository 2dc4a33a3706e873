#include "models/hardware/gpu.hpp"

#include <fmt/core.h>

#include "models/text/input_error.hpp"

namespace moeplan::models {
namespace {

const Precision* arithmetic_or_null(const Gpu& gpu, const Precision& weights) {
  if (gpu.peak.count(weights) > 0) {
    return &weights;
  }
  const auto found = gpu.computes_in.find(weights);
  return found == gpu.computes_in.end() || gpu.peak.count(found->second) == 0 ? nullptr
                                                                              : &found->second;
}

}  // namespace

bool Gpu::supports(Precision weights) const {
  return arithmetic_or_null(*this, weights) != nullptr;
}

Precision Gpu::arithmetic(Precision weights) const {
  const Precision* found = arithmetic_or_null(*this, weights);
  if (found == nullptr) {
    const std::string wanted(name_of(weights));
    throw InputError(Problem{.code = "E_VALUE",
                             .file = {},
                             .mark = {},
                             .pointer = {},
                             .what = fmt::format("{} has no arithmetic for these weights", id),
                             .got = wanted,
                             .expected = joined(supported()),
                             .fix = did_you_mean(wanted, supported())});
  }
  return *found;
}

FlopsPerSecond Gpu::peak_for(Precision weights) const { return peak.at(arithmetic(weights)); }

std::vector<std::string> Gpu::supported() const {
  std::vector<std::string> out;
  for (const std::string& format : precision_names()) {
    const std::optional<Precision> precision = precision_from(format);
    if (precision && supports(*precision)) {
      out.push_back(format);
    }
  }
  return out;
}

}  // namespace moeplan::models
