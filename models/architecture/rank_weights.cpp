// Weight and KV bytes of the fullest rank.

#include <algorithm>

#include "models/architecture/counts.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

Bytes of(std::int64_t elements, double bytes_each) {
  return Bytes(static_cast<double>(elements) * bytes_each);
}

// The part of the model that one rank holds in full, as an architecture of its own: heads, widths
// and experts of the fullest rank.
Layer rank_layer(const Layer& layer, const RankLayout& layout) {
  Layer own = layer;
  const std::int64_t tp = layout.tensor_parallel;
  if (auto* gqa = std::get_if<GroupedQueryAttention>(&own.attention)) {
    gqa->heads = ceil_divide(gqa->heads, tp);
    gqa->kv_heads = ceil_divide(gqa->kv_heads, tp);  // at least one
  } else {
    auto& mla = std::get<LatentAttention>(own.attention);
    mla.heads = ceil_divide(mla.heads, tp);
  }
  if (auto* dense = std::get_if<DenseFfn>(&own.ffn)) {
    dense->intermediate = ceil_divide(dense->intermediate, tp);
    return own;
  }
  auto& moe = std::get<MoeFfn>(own.ffn);
  moe.shared_intermediate = ceil_divide(moe.shared_intermediate, tp);
  if (layout.expert_parallel) {
    moe.experts = ceil_divide(moe.experts + layout.redundant_experts, layout.ranks());
  } else {
    moe.intermediate = ceil_divide(moe.intermediate, layout.ranks());
  }
  return own;
}

}  // namespace

ByKind<Bytes> layer_rank_weights(const SmoeArchitecture& architecture, const Layer& layer,
                                 const RankLayout& layout, Precision precision) {
  require(layout.tensor_parallel > 0 && layout.data_parallel > 0, "a layout has positive degrees");
  const LayerParameters whole = layer_parameters(architecture, layer);
  const LayerParameters own = layer_parameters(architecture, rank_layer(layer, layout));
  const double quantised = weight_bytes(precision);
  const double plain = plain_bytes(precision);
  ByKind<Bytes> w;
  w.attention = of(own.attention, quantised);
  w.experts = of(own.experts, weight_bytes(architecture.experts_in(precision)));
  w.shared_experts = of(own.shared_experts, quantised);
  w.dense_ffn = of(own.dense_ffn, quantised);
  w.expert_biases = of(own.expert_biases, plain);
  w.biases = of(own.biases, plain);
  w.router = of(whole.router, plain);  // replicated
  w.norms = of(whole.norms, plain);    // replicated
  return w;
}

RankWeights rank_weights(const SmoeArchitecture& architecture, const RankLayout& layout,
                         Precision precision) {
  require(layout.tensor_parallel > 0 && layout.data_parallel > 0, "a layout has positive degrees");
  const double plain = plain_bytes(precision);
  const Parameters whole = count_parameters(architecture);
  const std::int64_t table =
      ceil_divide(architecture.vocabulary, layout.tensor_parallel) * architecture.hidden;
  const std::int64_t positions = whole.embeddings - architecture.vocabulary * architecture.hidden;
  RankWeights w;
  w.embeddings = of(table + positions, plain);
  w.lm_head = of(architecture.tied_embeddings ? 0 : table, plain);
  w.norms = of(whole.final_norm, plain);
  for (const Layer& layer : architecture.layers) {
    w.ByKind::operator+=(layer_rank_weights(architecture, layer, layout, precision));
  }
  return w;
}

Bytes weight_bytes(const SmoeArchitecture& architecture, Precision precision) {
  return rank_weights(architecture, RankLayout{}, precision).total();
}

Bytes kv_bytes_per_token(const Attention& attention, Precision kv_precision) {
  const double bytes_each = activation_bytes(kv_precision);
  if (const auto* gqa = std::get_if<GroupedQueryAttention>(&attention)) {
    return of(2 * gqa->kv_heads * gqa->head_dim, bytes_each);
  }
  const auto& mla = std::get<LatentAttention>(attention);
  return of(mla.kv_lora_rank + mla.qk_rope_head_dim, bytes_each);
}

Bytes kv_bytes_per_token(const SmoeArchitecture& architecture, Precision kv_precision) {
  return rank_kv_bytes_per_token(architecture, 1, kv_precision);
}

Bytes rank_kv_bytes_per_token(const SmoeArchitecture& architecture, int tensor_parallel,
                              Precision kv_precision) {
  require(tensor_parallel > 0, "tensor_parallel is positive");
  const RankLayout layout{.tensor_parallel = tensor_parallel};
  Bytes sum;
  for (std::size_t i = architecture.encoder_layers; i < architecture.layers.size(); ++i) {
    sum += kv_bytes_per_token(rank_layer(architecture.layers[i], layout).attention, kv_precision);
  }
  return sum;
}

}  // namespace moeplan::models
