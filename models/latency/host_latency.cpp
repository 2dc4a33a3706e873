#include "models/latency/host_latency.hpp"

#include "models/latency/law_reader.hpp"

namespace moeplan::models {

HostLatency::HostLatency(const FittedLaw& law) : info_(law.info) {
  require_form(law, {"host_v1"});
  step_ = law.value("step_s");
  sequence_ = law.value("sequence_s");
  prompt_layer_ = law.value("prompt_layer_s");
  prompt_moe_layer_ = law.value("prompt_moe_layer_s");
  sequences_ = upper_axis(info_, "sequences");
}

Estimate HostLatency::per_step(double sequences) const {
  return {seconds(step_ + sequence_ * sequences), !sequences_.contains(sequences)};
}

Seconds HostLatency::per_prompt_step(double dense_layers, double moe_layers) const {
  return seconds(prompt_layer_ * dense_layers + prompt_moe_layer_ * moe_layers);
}

}  // namespace moeplan::models
