// Parameters by kind.

#include "models/architecture/counts.hpp"

namespace moeplan::models {
namespace {

std::int64_t norm_parameters(const SmoeArchitecture& architecture) {
  return architecture.hidden * (architecture.layer_norm ? 2 : 1);
}

void add_attention(LayerParameters& p, const GroupedQueryAttention& a, std::int64_t h) {
  const std::int64_t q = a.heads * a.head_dim;
  const std::int64_t kv = a.kv_heads * a.head_dim;
  const std::int64_t projected = a.value_is_key ? kv : 2 * kv;
  p.attention = 2 * h * q + h * projected;
  p.biases += (a.qkv_bias ? q + projected : 0) + (a.output_bias ? h : 0);
  p.norms += a.qk_norm ? 2 * a.head_dim : 0;
  p.norms += a.qk_norm_whole ? q + kv : 0;
}

void add_attention(LayerParameters& p, const LatentAttention& a, std::int64_t h) {
  const std::int64_t q = a.heads * (a.qk_nope_head_dim + a.qk_rope_head_dim);
  p.attention = a.q_lora_rank ? *a.q_lora_rank * (h + q) : h * q;
  p.attention += h * (a.kv_lora_rank + a.qk_rope_head_dim) +
                 a.kv_lora_rank * a.heads * (a.qk_nope_head_dim + a.v_head_dim) +
                 a.heads * a.v_head_dim * h;
  p.norms += a.q_lora_rank.value_or(0) + a.kv_lora_rank;
}

void add_ffn(LayerParameters& p, const DenseFfn& ffn, std::int64_t h) {
  const std::int64_t matrices = ffn.gated ? 3 : 2;
  p.dense_ffn = matrices * h * ffn.intermediate;
  p.biases += ffn.bias ? (matrices - 1) * ffn.intermediate + h : 0;
}

void add_ffn(LayerParameters& p, const MoeFfn& moe, std::int64_t h) {
  const std::int64_t matrices = moe.gated ? 3 : 2;
  p.experts = moe.experts * matrices * h * moe.intermediate;
  p.expert_biases = moe.bias ? moe.experts * ((matrices - 1) * moe.intermediate + h) : 0;
  p.shared_experts = matrices * h * moe.shared_intermediate;
  if (moe.bias && moe.shared_intermediate > 0) {
    p.biases += (matrices - 1) * moe.shared_intermediate + h;
  }
  p.router = h * moe.experts + (moe.router.correction_bias ? moe.experts : 0) +
             (moe.router.bias ? moe.experts : 0) + (moe.shared_gate ? h : 0) +
             (moe.residual_mix ? 2 * h + 2 : 0);
}

}  // namespace

LayerParameters layer_parameters(const SmoeArchitecture& architecture, const Layer& layer) {
  LayerParameters p;
  p.norms = 2 * norm_parameters(architecture);
  std::visit([&](const auto& attention) { add_attention(p, attention, architecture.hidden); },
             layer.attention);
  if (layer.cross_attention) {
    p.attention *= 2;
    p.biases *= 2;  // so far only those of attention
    p.norms += norm_parameters(architecture);
  }
  std::visit([&](const auto& ffn) { add_ffn(p, ffn, architecture.hidden); }, layer.ffn);
  return p;
}

Parameters count_parameters(const SmoeArchitecture& architecture) {
  Parameters p;
  const std::int64_t table = architecture.vocabulary * architecture.hidden;
  p.embeddings =
      table +
      (architecture.learned_positions ? architecture.max_positions * architecture.hidden : 0);
  p.lm_head = architecture.tied_embeddings ? 0 : table;
  p.final_norm = norm_parameters(architecture) * (architecture.encoder_decoder() ? 2 : 1);
  std::int64_t idle = 0;
  for (const Layer& layer : architecture.layers) {
    const LayerParameters own = layer_parameters(architecture, layer);
    p.layers += own;
    if (const auto* moe = std::get_if<MoeFfn>(&layer.ffn)) {
      idle += (own.experts + own.expert_biases) / moe->experts * (moe->experts - moe->top_k);
    }
  }
  p.active = p.total() - idle;
  return p;
}

}  // namespace moeplan::models
