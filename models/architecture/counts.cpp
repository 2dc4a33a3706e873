// FLOPs of one token.

#include "models/architecture/counts.hpp"

#include <algorithm>

namespace moeplan::models {
namespace {

std::optional<std::int64_t> window_of(const Attention& attention) {
  const auto* gqa = std::get_if<GroupedQueryAttention>(&attention);
  return gqa == nullptr ? std::nullopt : gqa->window;
}

}  // namespace

Flops matrix_flops(const SmoeArchitecture& architecture, const Layer& layer) {
  const LayerParameters p = layer_parameters(architecture, layer);
  double weights = static_cast<double>(p.attention + p.router + p.shared_experts + p.dense_ffn);
  if (const auto* moe = std::get_if<MoeFfn>(&layer.ffn)) {
    weights += static_cast<double>(p.experts / moe->experts * moe->top_k);
  }
  return Flops(2.0 * weights);
}

Flops attention_flops_per_key(const Attention& attention, AttentionPhase phase) {
  if (const auto* gqa = std::get_if<GroupedQueryAttention>(&attention)) {
    return Flops(4.0 * static_cast<double>(gqa->heads * gqa->head_dim));
  }
  const auto& mla = std::get<LatentAttention>(attention);
  const std::int64_t width = phase == AttentionPhase::prefill
                                 ? mla.qk_nope_head_dim + mla.qk_rope_head_dim + mla.v_head_dim
                                 : 2 * mla.kv_lora_rank + mla.qk_rope_head_dim;
  return Flops(2.0 * static_cast<double>(mla.heads * width));
}

Flops layer_flops(const SmoeArchitecture& architecture, const Layer& layer, double keys,
                  AttentionPhase phase) {
  const std::optional<std::int64_t> window = window_of(layer.attention);
  const double seen = window ? std::min(keys, static_cast<double>(*window)) : keys;
  return matrix_flops(architecture, layer) + attention_flops_per_key(layer.attention, phase) * seen;
}

Flops lm_head_flops(const SmoeArchitecture& architecture) {
  return Flops(2.0 * static_cast<double>(architecture.vocabulary * architecture.hidden));
}

Flops flops_per_token(const SmoeArchitecture& architecture, double keys, AttentionPhase phase) {
  Flops sum = lm_head_flops(architecture);
  for (const Layer& layer : architecture.layers) {
    sum += layer_flops(architecture, layer, keys, phase);
  }
  return sum;
}

}  // namespace moeplan::models
