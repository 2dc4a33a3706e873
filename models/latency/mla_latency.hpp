#pragma once
// MlaLatency: time of the latent-attention kernel of one layer on one rank, without the
// projections around it (dense products). Implementations: mla_v1; data-sheet parameters only, the
// published tables time whole blocks launched one by one.

#include <cstdint>

#include "models/architecture/precision.hpp"
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
};

class MlaLatency {
 public:
  // Throws: InputError E_VALUE when the law's form is not mla_v1.
  explicit MlaLatency(const FittedLaw& law);

  // Decode with absorbed projections, L = KV tokens of all sequences, r = kv_lora_rank, d = rope:
  //   launch + L max( (r + d) b / bandwidth, 2 heads (2 r + d) / compute ). Affine in L.
  Estimate decode(const LatentShape& shape, double sequences, double kv_tokens_total) const;
  // One chunk of c tokens after H cached ones, heads expanded:
  //   launch + 2 heads (nope + rope + v) c (H + c / 2) / compute
  //          + (c heads (nope + rope + v) 2 + (H + c) heads (nope + v) 2) / bandwidth
  Estimate prefill(const LatentShape& shape, double chunk, double history) const;
  // decode() as a line in the number of KV tokens.
  struct DecodeLine {
    Seconds base;
    Seconds per_kv_token;
  };
  DecodeLine decode_line(const LatentShape& shape, double sequences) const;
  const LawInfo& info() const { return info_; }

 private:
  LawInfo info_;
  double launch_ = 0.0;     // s
  double bandwidth_ = 0.0;  // B/s
  double compute_ = 0.0;    // FLOP/s
};

}  // namespace moeplan::models
