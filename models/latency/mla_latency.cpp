#include "models/latency/mla_latency.hpp"

#include <algorithm>

#include "models/latency/law_reader.hpp"

namespace moeplan::models {

MlaLatency::MlaLatency(const FittedLaw& law) : info_(law.info) {
  require_form(law, {"mla_v1"});
  launch_ = law.value("launch_s");
  bandwidth_ = law.value("bandwidth_Bps");
  compute_ = law.value("compute_flops");
}

MlaLatency::DecodeLine MlaLatency::decode_line(const LatentShape& shape, double) const {
  const double row = static_cast<double>(shape.kv_lora_rank + shape.qk_rope_head_dim);
  const double flops =
      2.0 * static_cast<double>(shape.heads) * (row + static_cast<double>(shape.kv_lora_rank));
  return {.base = seconds(launch_),
          .per_kv_token = seconds(
              std::max(row * activation_bytes(shape.kv_precision) / bandwidth_, flops / compute_))};
}

Estimate MlaLatency::decode(const LatentShape& shape, double sequences,
                            double kv_tokens_total) const {
  const DecodeLine line = decode_line(shape, sequences);
  return {line.base + kv_tokens_total * line.per_kv_token, false};
}

Estimate MlaLatency::prefill(const LatentShape& shape, double chunk, double history) const {
  if (chunk <= 0.0) {
    return {seconds(launch_), false};
  }
  const double heads = static_cast<double>(shape.heads);
  const double values = static_cast<double>(shape.v_head_dim);
  const double query = static_cast<double>(shape.qk_nope_head_dim + shape.qk_rope_head_dim);
  const double flops = 2.0 * heads * (query + values) * chunk * (history + 0.5 * chunk);
  const double moved = 2.0 * heads *
                       (chunk * (query + values) +
                        (history + chunk) * (static_cast<double>(shape.qk_nope_head_dim) + values));
  return {seconds(launch_ + flops / compute_ + moved / bandwidth_), false};
}

}  // namespace moeplan::models
