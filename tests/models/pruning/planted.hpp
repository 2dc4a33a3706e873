#pragma once
// Experts and router logits with a known answer, for the tests of models/pruning.

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "models/pruning/expert_weights.hpp"
#include "models/pruning/plan_pruning.hpp"
#include "models/routing/split_mix.hpp"

namespace moeplan::models {

inline float normal_number(SplitMix& random) {
  return static_cast<float>(std::sqrt(-2.0 * std::log(random.uniform())) *
                            std::cos(6.283185307179586 * random.uniform()));
}

inline FloatMatrix normal_matrix(Eigen::Index rows, Eigen::Index columns, SplitMix& random) {
  FloatMatrix matrix(rows, columns);
  for (Eigen::Index i = 0; i < matrix.size(); ++i) {
    matrix.data()[i] = normal_number(random);
  }
  return matrix;
}

inline ExpertWeights random_expert(Eigen::Index hidden, Eigen::Index intermediate, bool gated,
                                   bool bias, SplitMix& random) {
  ExpertWeights expert;
  expert.in = normal_matrix(intermediate, hidden, random);
  if (gated) {
    expert.gate = normal_matrix(intermediate, hidden, random);
  }
  expert.out = normal_matrix(hidden, intermediate, random);
  if (bias) {
    expert.in_bias = normal_matrix(intermediate, 1, random);
    if (gated) {
      expert.gate_bias = normal_matrix(intermediate, 1, random);
    }
    expert.out_bias = normal_matrix(hidden, 1, random);
  }
  return expert;
}

inline std::vector<std::int32_t> random_order(std::size_t size, SplitMix& random) {
  std::vector<std::int32_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = size; i > 1; --i) {
    const auto j = static_cast<std::size_t>(random.uniform() * static_cast<double>(i));
    std::swap(order[i - 1], order[j]);
  }
  return order;
}

// Largest difference of any two weights.
inline float distance(const ExpertWeights& a, const ExpertWeights& b) {
  check_alike(a, b);
  const auto most = [](const auto& x, const auto& y) {
    return x.size() == 0 ? 0.0f : (x - y).cwiseAbs().maxCoeff();
  };
  return std::max({most(a.in, b.in), most(a.gate, b.gate), most(a.out, b.out),
                   most(a.in_bias, b.in_bias), most(a.gate_bias, b.gate_bias),
                   most(a.out_bias, b.out_bias)});
}

// Logits [tokens x experts] of experts in planted clusters: expert e belongs to cluster e %
// clusters; members share a random direction over tokens, plus noise of the given size.
inline std::vector<float> planted_logits(std::int64_t tokens, std::int64_t experts,
                                         std::int64_t clusters, double noise, SplitMix& random) {
  std::vector<float> logits(static_cast<std::size_t>(tokens * experts));
  std::vector<float> shared(static_cast<std::size_t>(clusters));
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (float& value : shared) {
      value = normal_number(random);
    }
    for (std::int64_t e = 0; e < experts; ++e) {
      logits[static_cast<std::size_t>(t * experts + e)] =
          shared[static_cast<std::size_t>(e % clusters)] +
          static_cast<float>(noise) * normal_number(random);
    }
  }
  return logits;
}

inline LayerInput layer_of_logits(const std::vector<float>& logits, std::int64_t experts,
                                  std::int64_t top_k, std::int64_t layer = 0) {
  RouterStatisticsBuilder builder(experts, top_k, {});
  builder.add(logits.data(), static_cast<std::int64_t>(logits.size()) / experts);
  return {.layer = layer,
          .experts = experts,
          .top_k = top_k,
          .groups = 1,
          .statistics = builder.statistics()};
}

}  // namespace moeplan::models
