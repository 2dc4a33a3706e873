#pragma once
// Inputs of the pruning bench: experts, logits and checkpoints of real shapes with random numbers.

#include <cstdint>
#include <string>
#include <vector>

#include "models/pruning/expert_weights.hpp"

namespace moeplan::speed {

// Uniform in [-1, 1), several hundred million numbers a second.
void fill_random(float* into, std::size_t count, std::uint64_t seed);

models::ExpertWeights random_expert(Eigen::Index hidden, Eigen::Index intermediate, bool gated,
                                    std::uint64_t seed);

// [tokens x experts]: experts come in `groups` that share a direction, half signal, half noise.
std::vector<float> grouped_logits(std::int64_t tokens, std::int64_t experts, std::int64_t groups,
                                  std::uint64_t seed);

struct LayerShape {
  std::string family;  // "mixtral", "qwen3_moe"
  std::int64_t experts = 0;
  std::int64_t top_k = 0;
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;
};

// A Hugging Face directory of one gated MoE layer in bf16, and router.safetensors with its logits
// on `tokens` tokens in `data`.
void write_one_layer(const std::string& directory, const std::string& data, const LayerShape& shape,
                     std::int64_t tokens);

}  // namespace moeplan::speed
