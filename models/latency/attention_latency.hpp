#pragma once
// AttentionLatency: time of the attention kernel of one layer on one rank (grouped-query; the
// projections around it are dense products). Implementations: attention_decode_v1 and
// attention_prefill_v1, fitted or from the data sheet. Latent attention: mla_latency.hpp.

#include <cstdint>
#include <limits>
#include <vector>

#include "models/architecture/precision.hpp"
#include "models/latency/law_info.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::models {

// Of one rank.
struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  Precision kv_precision = Precision::bf16;
};

struct DecodeTheta {
  double launch = 0.0;     // s
  double sequence = 0.0;   // s per sequence and KV head
  double bandwidth = 0.0;  // B/s, reading the cache
};

struct PrefillTheta {
  double launch = 0.0;     // s
  double compute = 0.0;    // FLOP/s
  double bandwidth = 0.0;  // B/s, queries, outputs and the cache
};

// One new token for each sequence; L = KV tokens of all sequences together:
//   launch + sequence B kv_heads + 2 L kv_heads head_dim b / bandwidth
// Affine in L at fixed B. launch for B = 0.
double decode_seconds(const DecodeTheta& theta, const AttentionShape& shape, double sequences,
                      double kv_tokens_total);

// Prompts of one step, ragged: one kernel runs them together. The sums that its time depends on.
struct PrefillBatch {
  double products = 0.0;   // sum of chunk (history + chunk / 2): query-key pairs, causal
  double tokens = 0.0;     // sum of chunk
  double kv_tokens = 0.0;  // sum of history + chunk
  double longest_chunk = 0.0;
  double longest_history = 0.0;

  // `count` prompts of `chunk` new tokens after `history` cached ones. A sliding window w bounds
  // what a token sees, so with c and H: products are the integral of min(H + x, w) over 0 < x < c,
  // and min(H, w) + c tokens of the cache are read.
  void add(double chunk, double history, double count = 1.0,
           double window = std::numeric_limits<double>::infinity());
};

// launch + 4 heads head_dim products / compute
//          + head_dim (4 tokens heads + 2 kv_tokens kv_heads b) / bandwidth
// launch for no tokens.
double prefill_seconds(const PrefillTheta& theta, const AttentionShape& shape,
                       const PrefillBatch& batch);

// `sequences` equal prompts, each with `chunk` new tokens after `history` cached ones, causal:
//   launch + 4 heads head_dim S c (H + c / 2) / compute
//          + S head_dim (4 c heads + 2 (H + c) kv_heads b) / bandwidth
// launch for c = 0.
double prefill_seconds(const PrefillTheta& theta, const AttentionShape& shape, double sequences,
                       double chunk, double history);

// Source of both forms: aic_attn_{context,generation}_h100_vllm0.24.0 (calibrate/README.md). The
// decode table holds caches that fit the L2 cache and are read from there; the law is fitted to
// the others, because in serving the weights of a layer pass through L2 between two steps.
class AttentionLatency {
 public:
  // Laws by KV precision (8 or 16 bit); prefill and decode need one law at least. A precision
  // without its own law uses the other's parameters with its own bytes, marked extrapolated.
  // Throws: InputError E_VALUE for other forms; std::logic_error without laws.
  AttentionLatency(const std::vector<FittedLaw>& decode, const std::vector<FittedLaw>& prefill);

  // sequences: tokens to be made; kv_tokens_total: summed over the sequences.
  Estimate decode(const AttentionShape& shape, double sequences, double kv_tokens_total) const;
  // One prompt's chunk after `history` tokens that are already in the cache.
  Estimate prefill(const AttentionShape& shape, double chunk, double history) const;
  Estimate prefill(const AttentionShape& shape, double sequences, double chunk,
                   double history) const;
  // All prompts of a step in one kernel: the launch is paid once.
  Estimate prefill(const AttentionShape& shape, const PrefillBatch& batch) const;

  // decode() as a line in the number of KV tokens, at a fixed number of sequences.
  struct DecodeLine {
    Seconds base;
    Seconds per_kv_token;
    // decode() extrapolates above; infinite where the law has no such limit, negative where the
    // shape or the number of sequences is out of range already.
    double kv_tokens_inside = std::numeric_limits<double>::infinity();
  };
  DecodeLine decode_line(const AttentionShape& shape, double sequences) const;

  // All laws in it.
  std::vector<LawInfo> info() const;

 private:
  template <class Theta>
  struct Law {
    LawInfo info;
    Theta theta;
    bool eight_bit = false;
    Interval load, kv_heads, heads, head_dim, length;
  };
  template <class Theta>
  static const Law<Theta>& pick(const std::vector<Law<Theta>>& laws, Precision precision);
  template <class Theta>
  static bool inside(const Law<Theta>& law, const AttentionShape& shape);

  std::vector<Law<DecodeTheta>> decode_;
  std::vector<Law<PrefillTheta>> prefill_;
};

DecodeTheta decode_theta(const FittedLaw& law);
PrefillTheta prefill_theta(const FittedLaw& law);

}  // namespace moeplan::models
