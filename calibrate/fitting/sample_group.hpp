#pragma once
// Private to fit_profile: samples of one kernel source and precision, with the files they came
// from.

#include <fmt/format.h>

#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "models/latency/kernel_sample.hpp"
#include "models/latency/profile.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {

// Samples of one family with the files they came from, in the order of the files.
template <class Sample>
struct SampleGroup {
  std::vector<Sample> samples;
  std::vector<std::string> files;
  std::set<std::string> sources;

  void add(const Sample& sample, const models::Measurements& file) {
    samples.push_back(sample);
    if (files.empty() || files.back() != file.name) {
      files.push_back(file.name);
      sources.insert(file.source);
    }
  }
};

// Kernel source and precision: rows of different ones are never fitted together.
using OriginKey = std::tuple<std::string, std::string>;

inline OriginKey key_of(const models::SampleOrigin& origin) {
  return {origin.kernel_source, std::string(name_of(origin.precision))};
}

template <class Sample>
void add_source(models::FittedLaw& law, const SampleGroup<Sample>& group) {
  std::vector<std::string> files(group.files);
  law.files = files;
  const std::vector<std::string> sources(group.sources.begin(), group.sources.end());
  law.info.source = fmt::format("{} ({})", joined(sources), joined(files));
}

// What a law takes from the data sheet because its rows timed a part alone.
template <class Sample>
std::string assumed_around(const Sample& sample) {
  if constexpr (std::is_same_v<Sample, models::ExpertSample>) {
    if (sample.part != models::ExpertPart::layer) {
      return "; GEMMs alone: launches and traffic around them assumed as on the data sheet";
    }
  } else if constexpr (std::is_same_v<Sample, models::DenseSample>) {
    if (sample.product_alone) {
      return "; products alone: quantising their input assumed as on the data sheet";
    }
  }
  return "";
}

}  // namespace moeplan::calibrate
