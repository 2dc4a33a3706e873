#pragma once
// The kernels on the CPU, in single precision: what an engine would run there, plainly written.
// Matrices are row after row; weights are [outputs x inputs], as checkpoints have them.

#include <cstdint>
#include <vector>

#include "calibrate/kernels/matrix_product.hpp"
#include "calibrate/kernels/workers.hpp"

namespace moeplan::calibrate {

struct CpuContext {
  MatrixProduct& product;
  Workers& workers;
};

// Where the pairs of a layer lie when they are sorted by expert.
struct RoutedPairs {
  std::vector<std::int64_t> first_of_expert;  // [experts + 1]
  std::vector<std::int32_t> token_of_pair;    // [pairs]
  std::vector<std::int32_t> pair_of_token;    // [tokens x top_k]
  std::vector<float> weight_of_pair;          // [pairs]
  std::int64_t tokens = 0;
  std::int64_t top_k = 0;
};
// Equal weights 1 / top_k; pairs_of_expert as token_counts makes it.
RoutedPairs routed_pairs(const std::vector<std::int64_t>& pairs_of_expert, std::int64_t tokens,
                         std::int64_t top_k);

// rows [pairs x hidden] of tokens [tokens x hidden], sorted by expert.
void permute(const CpuContext& context, const RoutedPairs& routed, std::int64_t hidden,
             const float* tokens, float* rows);
// tokens [tokens x hidden] = sum over a token's pairs of weight * row.
void unpermute(const CpuContext& context, const RoutedPairs& routed, std::int64_t hidden,
               const float* rows, float* tokens);

// Weights of all experts: up [experts x 2 intermediate x hidden] (gate rows, then up rows), down
// [experts x hidden x intermediate].
struct ExpertWeights {
  const float* up = nullptr;
  const float* down = nullptr;
};
// both [pairs x 2 intermediate] = rows * up^T, expert by expert.
void expert_up(const CpuContext& context, const RoutedPairs& routed, std::int64_t hidden,
               std::int64_t intermediate, const float* up, const float* rows, float* both);
// inner [pairs x intermediate] = silu(gate) * up of `both`, silu(x) = x / (1 + exp(-x)).
void gated_activation(const CpuContext& context, std::int64_t pairs, std::int64_t intermediate,
                      const float* both, float* inner);
// rows [pairs x hidden] = inner * down^T, expert by expert.
void expert_down(const CpuContext& context, const RoutedPairs& routed, std::int64_t hidden,
                 std::int64_t intermediate, const float* down, const float* inner, float* rows);

// The top k of each row of logits [tokens x experts], best first, ties to the lower expert; weights
// are the softmax over all experts, divided by its sum over the k; pairs_of_expert is counted.
void route(const CpuContext& context, std::int64_t tokens, std::int64_t experts, std::int64_t top_k,
           const float* logits, std::int32_t* chosen, float* weights,
           std::vector<std::int64_t>& pairs_of_expert);

// Causal attention with softmax(q k^T / sqrt(head_dim)) v. Queries and output
// [sequences x heads x chunk x head_dim]; keys and values [sequences x kv_heads x cached x
// head_dim], cached = history + chunk, the chunk's own keys last. Decode is chunk 1. Query head i
// reads key head i / (heads / kv_heads).
struct AttentionSizes {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t sequences = 0;
  std::int64_t chunk = 0;
  std::int64_t cached = 0;
};
void attention(const CpuContext& context, const AttentionSizes& sizes, const float* queries,
               const float* keys, const float* values, float* output);

}  // namespace moeplan::calibrate
