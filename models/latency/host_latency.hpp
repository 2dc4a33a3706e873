#pragma once
// HostLatency: time between two steps in which the GPU waits for the engine's CPU side: schedule,
// prepare inputs, launch, sample, detokenise. Implementations: host_v1.

#include "models/latency/law_info.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::models {

class HostLatency {
 public:
  // Throws: InputError E_VALUE when the law's form is not host_v1.
  explicit HostLatency(const FittedLaw& law);

  // step + sequence x sequences, for the sequences of one step on one data-parallel rank.
  Estimate per_step(double sequences) const;
  const LawInfo& info() const { return info_; }

 private:
  LawInfo info_;
  double step_ = 0.0;      // s
  double sequence_ = 0.0;  // s
  Interval sequences_;
};

}  // namespace moeplan::models
