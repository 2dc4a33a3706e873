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
  // More in a step with prompt tokens that is in no CUDA graph, whose kernels the CPU launches one
  // by one: prompt_layer x layers with a dense FFN + prompt_moe_layer x layers with experts, whose
  // launches are many and wait for each other. It adds to the kernels, however long they are.
  Seconds per_prompt_step(double dense_layers, double moe_layers) const;
  const LawInfo& info() const { return info_; }

 private:
  LawInfo info_;
  double step_ = 0.0;      // s
  double sequence_ = 0.0;  // s
  double prompt_layer_ = 0.0;
  double prompt_moe_layer_ = 0.0;
  Interval sequences_;
};

}  // namespace moeplan::models
