#include "tests/speed/pruning_inputs.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "models/checkpoint/checkpoint.hpp"
#include "models/routing/split_mix.hpp"
#include "models/text/load.hpp"

namespace moeplan::speed {

using models::Dtype;

void fill_random(float* into, std::size_t count, std::uint64_t seed) {
  std::uint64_t state = models::split_mix(seed);
  for (std::size_t i = 0; i < count; ++i) {  // a linear congruential generator: Knuth's MMIX
    state = state * 6364136223846793005u + 1442695040888963407u;
    into[i] = static_cast<float>(static_cast<std::int32_t>(state >> 32)) * 0x1p-31f;
  }
}

models::ExpertWeights random_expert(Eigen::Index hidden, Eigen::Index intermediate, bool gated,
                                    std::uint64_t seed) {
  models::ExpertWeights expert;
  expert.in.resize(intermediate, hidden);
  expert.out.resize(hidden, intermediate);
  const auto size = static_cast<std::size_t>(intermediate * hidden);
  fill_random(expert.in.data(), size, 3 * seed);
  fill_random(expert.out.data(), size, 3 * seed + 1);
  if (gated) {
    expert.gate.resize(intermediate, hidden);
    fill_random(expert.gate.data(), size, 3 * seed + 2);
  }
  return expert;
}

std::vector<float> grouped_logits(std::int64_t tokens, std::int64_t experts, std::int64_t groups,
                                  std::uint64_t seed) {
  std::vector<float> logits(static_cast<std::size_t>(tokens * experts));
  fill_random(logits.data(), logits.size(), seed);
  std::vector<float> shared(static_cast<std::size_t>(groups));
  for (std::int64_t t = 0; t < tokens; ++t) {
    fill_random(shared.data(), shared.size(), seed + 1 + static_cast<std::uint64_t>(t));
    for (std::int64_t e = 0; e < experts; ++e) {
      logits[static_cast<std::size_t>(t * experts + e)] +=
          shared[static_cast<std::size_t>(e % groups)];
    }
  }
  return logits;
}

void write_one_layer(const std::string& directory, const std::string& data, const LayerShape& shape,
                     std::int64_t tokens) {
  namespace fs = std::filesystem;
  fs::create_directories(directory);
  const bool mixtral = shape.family == "mixtral";
  text::write_file(
      fs::path(directory) / "config.json",
      fmt::format(
          "{{\"model_type\": \"{}\", \"hidden_size\": {}, \"intermediate_size\": {}, "
          "\"moe_intermediate_size\": {}, \"num_hidden_layers\": 1, \"num_attention_heads\": 32, "
          "\"num_key_value_heads\": 4, \"head_dim\": 128, \"vocab_size\": 32000, "
          "\"max_position_embeddings\": 4096, \"{}\": {}, \"num_experts_per_tok\": {}, "
          "\"norm_topk_prob\": true, \"torch_dtype\": \"bfloat16\"}}",
          shape.family, shape.hidden, shape.intermediate, shape.intermediate,
          mixtral ? "num_local_experts" : "num_experts", shape.experts, shape.top_k));
  const std::string block = mixtral ? "model.layers.0.block_sparse_moe." : "model.layers.0.mlp.";
  const std::string names[] = {mixtral ? "w1" : "gate_proj", mixtral ? "w3" : "up_proj",
                               mixtral ? "w2" : "down_proj"};
  models::CheckpointWriter writer(directory, {"model.safetensors"}, "", {{}});
  writer.declare(block + "gate.weight", Dtype::bf16, {shape.experts, shape.hidden}, 0);
  for (std::int64_t e = 0; e < shape.experts; ++e) {
    for (const std::string& name : names) {
      const bool down = &name == &names[2];
      writer.declare(
          fmt::format("{}experts.{}.{}.weight", block, e, name), Dtype::bf16,
          {down ? shape.hidden : shape.intermediate, down ? shape.intermediate : shape.hidden}, 0);
    }
  }
  writer.begin();
  std::vector<float> numbers;
  std::vector<std::byte> bytes;
  const auto write = [&](const std::string& name, std::int64_t count, std::uint64_t seed) {
    numbers.resize(static_cast<std::size_t>(count));
    fill_random(numbers.data(), numbers.size(), seed);
    bytes.resize(2 * numbers.size());
    models::write_floats(Dtype::bf16, numbers, bytes);
    writer.write(name, bytes);
  };
  write(block + "gate.weight", shape.experts * shape.hidden, 1);
  std::uint64_t seed = 2;
  for (std::int64_t e = 0; e < shape.experts; ++e) {
    for (const std::string& name : names) {
      write(fmt::format("{}experts.{}.{}.weight", block, e, name),
            shape.hidden * shape.intermediate, seed++);
    }
  }
  writer.finish();
  const fs::path file(data);
  models::CheckpointWriter logits(file.parent_path(), {file.filename().string()}, "", {{}});
  logits.declare("layer.0.logits", Dtype::f32, {tokens, shape.experts}, 0);
  logits.begin();
  logits.write("layer.0.logits", std::as_bytes(std::span<const float>(
                                     grouped_logits(tokens, shape.experts, shape.experts / 2, 5))));
  logits.finish();
}

}  // namespace moeplan::speed
