#pragma once
// StreamLatency: kernels that only pass data through memory - norms, rotary embedding, residual
// adds, activation, permute, embedding look-up, sampling, router top-k. Implementations: stream_v1.

#include "models/latency/law_info.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::models {

class StreamLatency {
 public:
  // Throws: InputError E_VALUE when the law's form is not stream_v1.
  explicit StreamLatency(const FittedLaw& law);

  // launch + bytes / bandwidth, bytes read and written; launch for none.
  Estimate estimate(Bytes moved) const;
  const LawInfo& info() const { return info_; }

 private:
  LawInfo info_;
  double launch_ = 0.0;     // s
  double bandwidth_ = 0.0;  // B/s
  Interval bytes_;
};

}  // namespace moeplan::models
