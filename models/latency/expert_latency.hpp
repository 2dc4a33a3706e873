#pragma once
// ExpertLatency: time of the experts of one MoE layer on one rank - permute, two grouped GEMMs,
// activation between them, and the weighted sum over the top k; the router is not in it.
// Implementations: the one form tiled_experts_v1, with fitted or data-sheet parameters.

#include <cstdint>

#include "models/architecture/precision.hpp"
#include "models/latency/law_info.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::models {

struct ExpertShape {
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;   // of one expert on this rank (after tensor parallelism)
  std::int64_t top_k = 0;          // experts a token uses
  std::int64_t experts = 0;        // of the whole layer
  std::int64_t local_experts = 0;  // on this rank
  bool gated = true;               // three matrices; else two
  Precision precision = Precision::bf16;
};

// Three separate numbers: see serving.md 2. Expectations, so they need not be whole.
struct ExpertLoad {
  double tokens = 0.0;          // entering the kernel: of the whole expert-parallel group
  double pairs = 0.0;           // (token, expert) pairs of this rank
  double active_experts = 0.0;  // of this rank: experts with at least one token
};

// Which tiles (rows x columns) the kernel's default configuration takes; T tokens entering it.
//   by_tokens: 16 / 32 / 64 / 128 rows up to T = 32 / 96 / 512 / more; 64 columns up to T = 64,
//     else 128. Source: vLLM 0.24 fused_moe.py, get_default_config.
//   by_local_experts: 16 x 32 while T <= local experts, else 64 x 64. Source: vLLM 0.14, same
//   place. fixed: 64 x 128.
//   by_rows: no tiles; a CPU's products, whose work grows with every row.
// A kernel with a configuration tuned for its shape departs from these; nothing tells which has.
enum class TileRule { by_tokens = 1, by_local_experts = 2, fixed = 3, by_rows = 4 };

// What a measurement timed: the whole layer, one of its two grouped GEMMs alone, or both of them
// and nothing around.
enum class ExpertPart { layer, up, down, products };

// Parameters of tiled_experts_v1; seconds, bytes and FLOP.
struct ExpertTheta {
  double launch = 0.0;           // s, floor of the call
  double expert_parallel = 0.0;  // s, more when the rank holds a part of the experts
  double inner = 0.0;            // s per element of the inner products that one tile runs through
  double bandwidth = 0.0;        // B/s, reading weights
  double compute = 0.0;          // FLOP/s of all multiprocessors
  double norm = 1.0;             // how memory and compute time join
  double traffic = 0.0;          // s per byte of activations of all pairs of the group
  double local_traffic = 0.0;    // s per byte of activations of this rank's pairs
  double token_traffic = 0.0;    // s per byte of one hidden vector of every token
  double reread = 0.0;           // > 0: weights are read again, see below
  double top1 = 0.0;             // s per token and hidden element, only for top_k = 1
  double multiprocessors = 0.0;
  TileRule tiles = TileRule::by_tokens;
};

// Seconds of one call, for tokens > 0 (launch for tokens = 0):
//   launch + expert_parallel [local < experts] + inner (h + I) min(1, A) + top1 T h [k = 1]
//   + a (traffic T k m + local_traffic P m + token_traffic T h)
//   + sum over the two GEMMs (N columns, K inner) of
//       ( (N K b (A + (tiles - A) r) / bandwidth)^p + (K c hypot(min(1, A), w))^p )^(1/p)
// A active experts, P pairs, T tokens, a bytes per activation, b per weight, p = norm;
//   m = 2 h + (2 i + 1) I: elements moved per pair; i = 2 input matrices when gated, else 1;
//   tiles = max(A, P / BM): row tiles of BM rows; w = tiles (N / BN) / multiprocessors: waves;
//   c = 2 BM BN multiprocessors / compute: s per inner element of a wave of tiles;
//   r = x^2 / (reread + x^2), x = (N / BN) / multiprocessors: share of an expert's weights that
//       has left the L2 cache when its next row tile needs it; 0 when reread is 0.
//   by_rows: BM = BN = 1, and in place of (tiles - A) r: reread A y^2 / (1 + y^2), y = P / A / 4:
//       products of more than a few rows copy their weights into another order first.
// BM, BN: rows and columns of a tile by the TileRule.
// Traffic of all pairs of the group, not only the rank's: a Triton kernel allots and clears rows
// for every pair; kernels that permute first have the rank's own pairs only.
// Non-decreasing in pairs and in active experts at fixed tokens (by_rows: for reread up to 8).
// Source: form chosen on aic_moe_h100_vllm0.24.0 (models/data/profiles).
double expert_seconds(const ExpertTheta& theta, const ExpertShape& shape, const ExpertLoad& load);

// Seconds of a part: one grouped GEMM has half the launch, its own inner product and its own term
// of the sum, and nothing of what lies around; up and down make products, and these the layer
// without traffic, expert_parallel and top1.
double expert_part_seconds(const ExpertTheta& theta, ExpertPart part, const ExpertShape& shape,
                           const ExpertLoad& load);

class ExpertLatency {
 public:
  // Throws: InputError E_VALUE when the law's form is not tiled_experts_v1.
  explicit ExpertLatency(const FittedLaw& law);

  // extrapolated: tokens, pairs or active experts above the fitted range, or hidden, intermediate
  // or top_k outside it. Fewer pairs than fitted is not: the law runs into its floor there.
  Estimate estimate(const ExpertShape& shape, const ExpertLoad& load) const;
  const LawInfo& info() const { return info_; }
  const ExpertTheta& theta() const { return theta_; }

 private:
  LawInfo info_;
  ExpertTheta theta_;
  Interval tokens_, pairs_, active_, hidden_, intermediate_, top_k_;
};

// Names as in a profile -> the struct. Absent optional parameters are 0.
ExpertTheta expert_theta(const FittedLaw& law);

}  // namespace moeplan::models
