#include "models/latency/stream_latency.hpp"

#include "models/latency/law_reader.hpp"

namespace moeplan::models {

StreamLatency::StreamLatency(const FittedLaw& law) : info_(law.info) {
  require_form(law, {"stream_v1"});
  launch_ = law.value("launch_s");
  bandwidth_ = law.value("bandwidth_Bps");
  bytes_ = upper_axis(info_, "bytes");
}

Estimate StreamLatency::estimate(Bytes moved) const {
  const double bytes = in_bytes(moved);
  return {seconds(launch_ + bytes / bandwidth_), !bytes_.contains(bytes)};
}

}  // namespace moeplan::models
