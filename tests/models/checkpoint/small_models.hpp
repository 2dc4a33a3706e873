#pragma once
// Model directories of a few kilobytes, one per family, and the bytes of hand-made safetensors.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "models/checkpoint/checkpoint.hpp"

namespace moeplan::tests {

struct SmallModel {
  std::int64_t layers = 2;
  std::int64_t experts = 6;
  std::int64_t top_k = 2;
  std::int64_t hidden = 8;
  std::int64_t intermediate = 12;
  models::Dtype dtype = models::Dtype::f32;
  bool sharded = false;
};

// "mixtral", "qwen3_moe", "olmoe", "deepseek_v3", "gpt_oss", "switch_transformers".
const std::vector<std::string>& small_families();
std::string small_config(const std::string& family, const SmallModel& model);
// Names and shapes of all tensors, experts written out one by one as in the families' files.
std::map<std::string, std::vector<std::int64_t>> small_tensors(const std::string& family,
                                                               const SmallModel& model);
// A directory with config.json, weights (random, a function of the name) and a tokenizer file.
void write_small_model(const std::filesystem::path& directory, const std::string& family,
                       const SmallModel& model);

// Bytes of a safetensors file: length, this header, data of zeros.
std::string safetensors_bytes(const std::string& header, std::size_t data);

// Router logits [tokens x experts] of these layers: layer.L.logits, or statistics of them.
void write_logits(const std::filesystem::path& file, const std::vector<std::int64_t>& layers,
                  std::int64_t tokens, const SmallModel& model);

// All numbers of a tensor.
std::vector<float> numbers_of(const models::Checkpoint& checkpoint, const std::string& tensor);

}  // namespace moeplan::tests
