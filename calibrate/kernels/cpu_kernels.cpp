#include "calibrate/kernels/cpu_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "calibrate/kernels/token_counts.hpp"

namespace moeplan::calibrate {
namespace {

constexpr std::int64_t kRowsAtOnce = 16;     // of a loop that only moves rows
constexpr std::int64_t kQueriesAtOnce = 64;  // of one head: their scores stay in cache
// A matrix product first copies both sides into its own order, which few rows do not pay for: they
// take weights by pieces that stay in cache, row after row.
constexpr std::int64_t kFewRows = 4;
constexpr std::int64_t kPieceOfWeights = 32 * 1024;  // elements

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// body(row) for every row, several rows an index.
template <class Body>
void for_rows(const CpuContext& context, std::int64_t rows, Body body) {
  context.workers.run((rows + kRowsAtOnce - 1) / kRowsAtOnce, [&](std::int64_t block, int) {
    const std::int64_t end = std::min(rows, (block + 1) * kRowsAtOnce);
    for (std::int64_t row = block * kRowsAtOnce; row < end; ++row) {
      body(row);
    }
  });
}

// One product for each expert that has pairs: out [pairs x n] = in [pairs x k] * weights^T.
void grouped(const CpuContext& context, const RoutedPairs& routed, std::int64_t n, std::int64_t k,
             const float* weights, const float* in, float* out) {
  for (std::size_t e = 0; e + 1 < routed.first_of_expert.size(); ++e) {
    const std::int64_t first = routed.first_of_expert[e];
    const std::int64_t rows = routed.first_of_expert[e + 1] - first;
    const float* own = weights + static_cast<std::int64_t>(e) * n * k;
    if (rows > kFewRows) {
      context.product.times_transposed(rows, n, k, 1.0F, in + first * k, k, own, k, out + first * n,
                                       n);
      continue;
    }
    const std::int64_t step = rows > 1 ? std::max<std::int64_t>(1, kPieceOfWeights / k) : n;
    for (std::int64_t column = 0; rows > 0 && column < n; column += step) {
      const std::int64_t columns = std::min(step, n - column);
      for (std::int64_t row = first; row < first + rows; ++row) {
        context.product.times_transposed(1, columns, k, 1.0F, in + row * k, k, own + column * k, k,
                                         out + row * n + column, n);
      }
    }
  }
}

// In place: the softmax of the first `visible` scores, zeros behind.
void softmax(float* scores, std::int64_t visible, std::int64_t all) {
  const float largest = *std::max_element(scores, scores + visible);
  float sum = 0.0F;
  for (std::int64_t i = 0; i < visible; ++i) {
    scores[i] = std::exp(scores[i] - largest);
    sum += scores[i];
  }
  for (std::int64_t i = 0; i < visible; ++i) {
    scores[i] /= sum;
  }
  std::fill(scores + visible, scores + all, 0.0F);
}

}  // namespace

RoutedPairs routed_pairs(const std::vector<std::int64_t>& pairs_of_expert, std::int64_t tokens,
                         std::int64_t top_k) {
  RoutedPairs routed{.first_of_expert = {0}, .tokens = tokens, .top_k = top_k};
  for (const std::int64_t pairs : pairs_of_expert) {
    routed.first_of_expert.push_back(routed.first_of_expert.back() + pairs);
  }
  routed.token_of_pair = tokens_of_pairs(pairs_of_expert, tokens);
  routed.weight_of_pair.assign(routed.token_of_pair.size(), 1.0F / static_cast<float>(top_k));
  routed.pair_of_token.resize(routed.token_of_pair.size());
  std::vector<std::int64_t> seen(at(tokens), 0);
  for (std::size_t pair = 0; pair < routed.token_of_pair.size(); ++pair) {
    const std::int64_t token = routed.token_of_pair[pair];
    routed.pair_of_token[at(token * top_k + seen[at(token)]++)] = static_cast<std::int32_t>(pair);
  }
  return routed;
}

void permute(const CpuContext& context, const RoutedPairs& routed, std::int64_t hidden,
             const float* tokens, float* rows) {
  for_rows(context, static_cast<std::int64_t>(routed.token_of_pair.size()), [&](std::int64_t row) {
    std::memcpy(rows + row * hidden, tokens + routed.token_of_pair[at(row)] * hidden,
                at(hidden) * sizeof(float));
  });
}

void unpermute(const CpuContext& context, const RoutedPairs& routed, std::int64_t hidden,
               const float* rows, float* tokens) {
  for_rows(context, routed.tokens, [&](std::int64_t token) {
    float* sum = tokens + token * hidden;
    std::fill(sum, sum + hidden, 0.0F);
    for (std::int64_t j = 0; j < routed.top_k; ++j) {
      const std::int64_t pair = routed.pair_of_token[at(token * routed.top_k + j)];
      const float weight = routed.weight_of_pair[at(pair)];
      const float* row = rows + pair * hidden;
      for (std::int64_t i = 0; i < hidden; ++i) {
        sum[i] += weight * row[i];
      }
    }
  });
}

void expert_up(const CpuContext& context, const RoutedPairs& routed, std::int64_t hidden,
               std::int64_t intermediate, const float* up, const float* rows, float* both) {
  grouped(context, routed, 2 * intermediate, hidden, up, rows, both);
}

void gated_activation(const CpuContext& context, std::int64_t pairs, std::int64_t intermediate,
                      const float* both, float* inner) {
  for_rows(context, pairs, [&](std::int64_t row) {
    const float* gate = both + row * 2 * intermediate;
    const float* up = gate + intermediate;
    float* out = inner + row * intermediate;
    for (std::int64_t i = 0; i < intermediate; ++i) {
      out[i] = gate[i] / (1.0F + std::exp(-gate[i])) * up[i];
    }
  });
}

void expert_down(const CpuContext& context, const RoutedPairs& routed, std::int64_t hidden,
                 std::int64_t intermediate, const float* down, const float* inner, float* rows) {
  grouped(context, routed, hidden, intermediate, down, inner, rows);
}

void route(const CpuContext& context, std::int64_t tokens, std::int64_t experts, std::int64_t top_k,
           const float* logits, std::int32_t* chosen, float* weights,
           std::vector<std::int64_t>& pairs_of_expert) {
  for_rows(context, tokens, [&](std::int64_t token) {
    const float* row = logits + token * experts;
    std::int32_t* best = chosen + token * top_k;
    std::int64_t found = 0;
    for (std::int64_t e = 0; e < experts; ++e) {  // insertion into a short sorted list
      std::int64_t place = found;
      while (place > 0 && row[best[place - 1]] < row[e]) {
        --place;
      }
      if (place == top_k) {
        continue;
      }
      found = std::min(found + 1, top_k);
      std::copy_backward(best + place, best + found - 1, best + found);
      best[place] = static_cast<std::int32_t>(e);
    }
    // The softmax over all experts, divided by its sum over the chosen: the others cancel.
    float sum = 0.0F;
    for (std::int64_t j = 0; j < top_k; ++j) {
      weights[token * top_k + j] = std::exp(row[best[j]] - row[best[0]]);
      sum += weights[token * top_k + j];
    }
    for (std::int64_t j = 0; j < top_k; ++j) {
      weights[token * top_k + j] /= sum;
    }
  });
  pairs_of_expert.assign(at(experts), 0);
  for (std::int64_t pair = 0; pair < tokens * top_k; ++pair) {
    ++pairs_of_expert[at(chosen[pair])];
  }
}

void attention(const CpuContext& context, const AttentionSizes& s, const float* queries,
               const float* keys, const float* values, float* output) {
  const std::int64_t group = s.heads / s.kv_heads;
  const std::int64_t history = s.cached - s.chunk;
  const float scale = 1.0F / std::sqrt(static_cast<float>(s.head_dim));
  // A block: queries of one key head that share its keys. Decode: all heads of the group; else some
  // of the chunk's queries of one head.
  const bool decode = s.chunk == 1;
  const std::int64_t rows_of_block = decode ? group : kQueriesAtOnce;
  const std::int64_t rows_of_head = decode ? group : s.chunk;
  const std::int64_t blocks = (rows_of_head + rows_of_block - 1) / rows_of_block;
  const std::int64_t heads = decode ? s.kv_heads : s.heads;
  context.workers.run(s.sequences * heads * blocks, [&](std::int64_t index, int) {
    // In here, for each worker to construct its own and free it when it ends.
    thread_local std::vector<float> scores;
    const std::int64_t block = index % blocks;
    const std::int64_t head = index / blocks % heads;
    const std::int64_t sequence = index / blocks / heads;
    const std::int64_t first = block * rows_of_block;
    const std::int64_t rows = std::min(rows_of_block, rows_of_head - first);
    // The last row sees the most; with decode all rows see everything.
    const std::int64_t visible = decode ? s.cached : history + first + rows;
    const std::int64_t kv_head = decode ? head : head / group;
    const std::int64_t cache = (sequence * s.kv_heads + kv_head) * s.cached * s.head_dim;
    const std::int64_t place = ((sequence * heads + head) * rows_of_head + first) * s.head_dim;
    scores.resize(std::max(scores.size(), at(rows * visible)));
    context.product.times_transposed(rows, visible, s.head_dim, scale, queries + place, s.head_dim,
                                     keys + cache, s.head_dim, scores.data(), visible);
    for (std::int64_t row = 0; row < rows; ++row) {
      softmax(scores.data() + row * visible, decode ? visible : history + first + row + 1, visible);
    }
    context.product.times(rows, s.head_dim, visible, scores.data(), visible, values + cache,
                          s.head_dim, output + place, s.head_dim);
  });
}

}  // namespace moeplan::calibrate
