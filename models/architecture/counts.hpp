#pragma once
// Counts: parameters, bytes and FLOPs that follow from a SmoeArchitecture, for the whole model and
// for one rank of a layout. Pure arithmetic; no kernel efficiency (models/latency).
// Letters: h hidden, H heads, K kv_heads, d head_dim, I intermediate, E experts, k top_k,
// V vocabulary. Matrices of a gated FFN: 3 (gate, up, down), else 2.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::models {

// An amount for every kind of weight in a layer: numbers of weights, or their bytes.
// Numbers of weights in one layer, or summed over layers:
//   attention: GQA 2 h H d + 2 h K d (h K d where values are keys); MLA: q (h Hq or via
//   q_lora_rank), h (kv_lora_rank + rope),
//     kv_lora_rank H (nope + v), H v h
//     twice in a decoder layer with cross-attention (and one norm more)
//   router: h E, + E with a correction bias, + E with a bias, + h with a gate on the shared expert,
//     + 2 h + 2 with a residual mix
//   experts: E x matrices x h I. shared_experts, dense_ffn: matrices x h I
//   norms: two of h (LayerNorm has weight and bias), q and k norms, MLA's norms on its ranks
//   expert_biases: E (I or 2 I, + h). biases: those of attention, dense and shared FFN
template <class Amount>
struct ByKind {
  Amount attention{};
  Amount router{};
  Amount experts{};
  Amount expert_biases{};
  Amount shared_experts{};
  Amount dense_ffn{};
  Amount norms{};
  Amount biases{};

  // Every kind once, in the order above.
  static constexpr std::array<Amount ByKind::*, 8> kKinds = {
      &ByKind::attention,      &ByKind::router,    &ByKind::experts, &ByKind::expert_biases,
      &ByKind::shared_experts, &ByKind::dense_ffn, &ByKind::norms,   &ByKind::biases};
  Amount total() const {
    Amount sum{};
    for (const auto kind : kKinds) {
      sum += this->*kind;
    }
    return sum;
  }
  ByKind& operator+=(const ByKind& other) {
    for (const auto kind : kKinds) {
      this->*kind += other.*kind;
    }
    return *this;
  }
};
using LayerParameters = ByKind<std::int64_t>;
LayerParameters layer_parameters(const SmoeArchitecture& architecture, const Layer& layer);

struct Parameters {
  std::int64_t embeddings = 0;  // V h, + max_positions h when positions are learned
  std::int64_t lm_head = 0;     // V h, or 0 when tied to the embeddings
  std::int64_t final_norm = 0;  // h, LayerNorm 2 h; one for each stack of an encoder-decoder
  LayerParameters layers;       // summed
  // Of total(), those that one token uses: k of E experts in each MoE layer, everything else
  // whole (embeddings too, as model cards count).
  std::int64_t active = 0;
  std::int64_t total() const { return embeddings + lm_head + final_norm + layers.total(); }
};
Parameters count_parameters(const SmoeArchitecture& architecture);

// How one engine is split. expert_parallel: whole experts over tensor_parallel x data_parallel
// ranks; else every expert is sharded over all of them.
struct RankLayout {
  int tensor_parallel = 1;
  int data_parallel = 1;
  bool expert_parallel = false;
  std::int64_t redundant_experts = 0;  // more copies in every MoE layer, when expert_parallel
  int ranks() const { return tensor_parallel * data_parallel; }
};

// Weight bytes of the fullest rank, by kind (as LayerParameters, + embeddings and lm_head).
// TP shards attention by heads (KV heads are replicated where TP exceeds them; MLA's down
// projections are replicated), dense and shared FFN by width, embeddings and lm_head by
// vocabulary; DP replicates these. Experts are spread over all ranks. Router, norms, learned
// positions and output biases are whole on every rank. What does not divide is rounded up.
// Quantised are the matrices of attention, FFN and experts; the rest is plain_bytes(precision).
// Source: vLLM 0.19 layer sharding (VocabParallelEmbedding, QKVParallelLinear, FusedMoE);
// serving.md 1.
struct RankWeights : ByKind<Bytes> {
  Bytes embeddings;
  Bytes lm_head;
  Bytes total() const { return ByKind::total() + embeddings + lm_head; }
};
// precision: of all quantised weights, except experts that have one of their own
// (architecture.expert_precision). Throws: std::logic_error unless the layout is positive.
ByKind<Bytes> layer_rank_weights(const SmoeArchitecture& architecture, const Layer& layer,
                                 const RankLayout& layout, Precision precision);
RankWeights rank_weights(const SmoeArchitecture& architecture, const RankLayout& layout,
                         Precision precision);
// The whole model on one rank.
Bytes weight_bytes(const SmoeArchitecture& architecture, Precision precision);

// KV cache of one token in one layer: GQA 2 K d b, MLA (kv_lora_rank + qk_rope_head_dim) b.
Bytes kv_bytes_per_token(const Attention& attention, Precision kv_precision);
// All layers but an encoder's, which caches nothing (the decoder's cache of the encoder's output is
// left out). A sliding window bounds how many tokens a layer keeps, not the bytes of one.
Bytes kv_bytes_per_token(const SmoeArchitecture& architecture, Precision kv_precision);
// One rank: KV heads are split over TP, at least one each; MLA's cache is replicated.
Bytes rank_kv_bytes_per_token(const SmoeArchitecture& architecture, int tensor_parallel,
                              Precision kv_precision);

// FLOPs of one token in the matrices of one layer: 2 x (attention + router + k experts + shared +
// dense) weights.
Flops matrix_flops(const SmoeArchitecture& architecture, const Layer& layer);
// FLOPs of scores and values of one token per key it attends to: GQA 4 H d; MLA prefill
// 2 H (nope + rope + v), MLA decode (absorbed) 2 H (2 kv_lora_rank + rope).
enum class AttentionPhase { prefill, decode };
Flops attention_flops_per_key(const Attention& attention, AttentionPhase phase);
// One layer, one token that attends to `keys` tokens (at most the window).
Flops layer_flops(const SmoeArchitecture& architecture, const Layer& layer, double keys,
                  AttentionPhase phase = AttentionPhase::decode);
// 2 V h, for a token whose logits are needed.
Flops lm_head_flops(const SmoeArchitecture& architecture);
// All layers and lm_head.
Flops flops_per_token(const SmoeArchitecture& architecture, double keys,
                      AttentionPhase phase = AttentionPhase::decode);

// Why the MoE layers cannot keep so many experts, or nothing: "top_k 8 > 6 experts in layer 12";
// more than there are; groups that no longer divide or hold fewer than top_k.
// kept: [layers], entries of dense layers are ignored.
std::optional<std::string> why_not_experts(const SmoeArchitecture& architecture, std::int64_t kept);
std::optional<std::string> why_not_experts(const SmoeArchitecture& architecture,
                                           const std::vector<std::int64_t>& kept);
// The pruned counterpart: the same model with `kept` experts in every (in each) MoE layer, top_k
// and shared experts unchanged. Keeping all returns an equal architecture.
// Throws: InputError E_VALUE with the sentence of why_not_experts.
SmoeArchitecture with_experts(const SmoeArchitecture& architecture, std::int64_t kept);
SmoeArchitecture with_experts(const SmoeArchitecture& architecture,
                              const std::vector<std::int64_t>& kept);

}  // namespace moeplan::models
