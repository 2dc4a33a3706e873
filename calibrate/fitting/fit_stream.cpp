#include "calibrate/fitting/simple_family.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {

FittedFamily fit_stream(const std::vector<models::StreamSample>& samples, const models::Gpu& gpu) {
  require(!samples.empty(), "a fit needs samples");
  const double bandwidth = 0.8 * gpu.bandwidth.value();
  SimpleRows rows;
  rows.parameters = {{"launch_s", 2e-6, 2e-6}, {"bandwidth_Bps", bandwidth, bandwidth}};
  std::vector<std::string> layers;
  std::map<std::string, models::Interval> domain;
  for (const models::StreamSample& sample : samples) {
    rows.seconds.push_back(sample.origin.seconds);
    rows.launches.push_back(sample.origin.launch_seconds);
    rows.shape_of.push_back(shape_index(layers, sample.layer));
    cover(domain, "bytes", sample.bytes);
  }
  rows.shapes = static_cast<int>(layers.size());
  rows.law = [&samples](std::span<const double> v, std::size_t i) {
    return v[0] + samples[i].bytes / v[1];
  };
  const models::SampleOrigin& origin = samples.front().origin;
  FittedFamily family =
      fit_simple(rows, samples.front().kernel, origin, std::string(name_of(origin.precision)));
  family.law.info.form = "stream_v1";
  family.law.info.domain = domain;
  return family;
}

}  // namespace moeplan::calibrate
