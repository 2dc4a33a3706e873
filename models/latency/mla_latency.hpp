#pragma once
// MlaLatency: time of the latent-attention block of one layer on one rank without its products with
// weights (those are dense products: latent_projections, latent_expansion): the attention kernel
// and the small kernels beside it (norms of the ranks, rotary embedding, writing the cache,
// quantising, combining splits). Implementations: mla_decode_v1 and mla_prefill_v1, fitted or from
// the data sheet.

#include <cstdint>
#include <optional>
#include <vector>

#include "models/architecture/precision.hpp"
#include "models/latency/attention_latency.hpp"
#include "models/latency/law_info.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::models {

// Of one rank; the cache is whole on every rank.
struct LatentShape {
  std::int64_t heads = 0;
  std::int64_t kv_lora_rank = 0;
  std::int64_t qk_nope_head_dim = 0;
  std::int64_t qk_rope_head_dim = 0;
  std::int64_t v_head_dim = 0;
  Precision kv_precision = Precision::bf16;
  friend bool operator==(const LatentShape&, const LatentShape&) = default;
};

// A dense product: columns x inner weights.
struct ProductShape {
  std::int64_t columns = 0;
  std::int64_t inner = 0;
  friend bool operator==(const ProductShape&, const ProductShape&) = default;
};

// The products that every token of the rank runs, r = kv_lora_rank, q = q_lora_rank, h = hidden:
//   q given:  h -> q + r + rope (one fused product, whole on every rank), q -> heads (nope + rope)
//   no q:     h -> heads (nope + rope), h -> r + rope
//   and       heads v -> h
// Source: vLLM 0.19, MultiHeadLatentAttentionWrapper (fused_qkv_a_proj, q_b_proj, o_proj).
std::vector<ProductShape> latent_projections(const LatentShape& shape, std::int64_t hidden,
                                             std::optional<std::int64_t> q_lora_rank);
// r -> heads (nope + v): prompts expand their keys and values with it (quantised like the others);
// decoding sequences run the same weights, absorbed into queries and outputs, in 16 bits
// (W_UK_T and W_UV of vLLM's MLACommonImpl).
ProductShape latent_expansion(const LatentShape& shape);

struct LatentDecodeTheta {
  double launch = 0.0;     // s
  double sequence = 0.0;   // s per sequence
  double head = 0.0;       // s per sequence and head
  double bandwidth = 0.0;  // B/s, reading the cache
  double compute = 0.0;    // FLOP/s
};

struct LatentPrefillTheta {
  double launch = 0.0;     // s
  double token = 0.0;      // s per new token
  double bandwidth = 0.0;  // B/s
  double compute = 0.0;    // FLOP/s
};

// One new token for each of B sequences, projections absorbed; L = KV tokens of all of them,
// r = kv_lora_rank, d = rope:
//   launch + (sequence + head heads) B
//          + L max( (r + d) b / bandwidth, 2 heads (2 r + d) / compute )
// Affine in L at fixed B.
double mla_decode_seconds(const LatentDecodeTheta& theta, const LatentShape& shape,
                          double sequences, double kv_tokens_total);

// Prompts of one step, ragged (sums of PrefillBatch), q = nope + rope:
//   expanded: launch + token tokens
//     + 2 heads ((q + v) products + r (nope + v) cached) / compute
//     + 2 heads (q + v) (tokens + kv_tokens) / bandwidth
//     cached = kv_tokens - tokens: latents of earlier chunks, expanded again (never measured)
//   absorbed (short prompts run in the decode kernel):
//     launch + token tokens + 2 heads (2 r + d) products / compute
//     + (2 heads (2 r + d) tokens + (r + d) b kv_tokens) / bandwidth
enum class LatentPath { expanded, absorbed };
double mla_prefill_seconds(const LatentPrefillTheta& theta, const LatentShape& shape,
                           LatentPath path, const PrefillBatch& batch);

// Source of the fitted laws: aic_mla_{generation,context}_module_h100_vllm0.24.0, whole blocks of
// DeepSeek-V3 with 1 to 128 heads on the rank; fitted as block = dense laws of the products + this
// law, with the dense laws of the same profile held fixed (calibrate/fitting/fit_mla.cpp). Held-out
// errors of the block (each number of heads predicted from the others), median and p90:
//   decode 3.9 to 5.3 % and 11 to 18 %, prompts 1.1 to 1.6 % and 4 %, short prompts (absorbed) 2 to
//   5 % and 6 to 17 %. A law of the whole block with its own projection terms (7 parameters) does
//   worse: decode 4.2 to 5.9 % and 15 to 24 %.
// The blocks were timed in CUDA graphs: with one head they take 70 us, 45 us without the products,
// which is a dozen kernels at graph pace, and reading more weights shows from the first megabyte
// on; launched from the host, a floor would hide it.
class MlaLatency {
 public:
  using DecodeLine = AttentionLatency::DecodeLine;

  // Laws by KV precision (8 or 16 bit) and by precision of the products beside them (`weights`;
  // constant projection_bits 8 or 16). What has no law of its own uses another one, marked
  // extrapolated. Throws: InputError E_VALUE for other forms; std::logic_error without a decode law
  // or without a law of expanded prompts.
  MlaLatency(const std::vector<FittedLaw>& laws, Precision weights);

  Estimate decode(const LatentShape& shape, double sequences, double kv_tokens_total) const;
  // decode() as a line in the number of KV tokens, at a fixed number of sequences.
  DecodeLine decode_line(const LatentShape& shape, double sequences) const;

  // Prompt chunks up to this length run absorbed, 0 where no law says so. vLLM: its backends'
  // reorder_batch_threshold, 512 (FlashAttn MLA, 16-bit caches) and 128 (FlashMLA, 8-bit).
  double absorbed_up_to(const LatentShape& shape) const;
  // All prompts of a step that take the path. launched: false when they share the kernels of
  // decoding sequences, whose price has the launch.
  Estimate prefill(const LatentShape& shape, LatentPath path, const PrefillBatch& batch,
                   bool launched = true) const;

  std::vector<LawInfo> info() const;

 private:
  template <class Theta>
  struct Law {
    LawInfo info;
    Theta theta;
    bool stands_in = false;  // for another precision of the products
    Interval load, length, heads, latent_row, value_dim;
  };
  template <class Theta>
  static const Law<Theta>* pick(const std::vector<Law<Theta>>& laws, Precision kv_precision);
  template <class Theta>
  static bool inside(const Law<Theta>& law, const LatentShape& shape);

  std::vector<Law<LatentDecodeTheta>> decode_;
  std::vector<Law<LatentPrefillTheta>> expanded_;
  std::vector<Law<LatentPrefillTheta>> absorbed_;
};

}  // namespace moeplan::models
