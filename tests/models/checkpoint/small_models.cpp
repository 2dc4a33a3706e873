#include "tests/models/checkpoint/small_models.hpp"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <functional>

#include "models/routing/split_mix.hpp"
#include "models/text/load.hpp"

namespace moeplan::tests {
namespace {

using models::Dtype;

std::uint64_t key_of(const std::string& name) {
  std::uint64_t key = 7;
  for (const char c : name) {
    key = models::split_mix(key ^ static_cast<unsigned char>(c));
  }
  return key;
}

std::vector<std::byte> random_bytes(const std::string& name, std::int64_t elements, Dtype dtype) {
  models::SplitMix random(key_of(name));
  std::vector<float> numbers(static_cast<std::size_t>(elements));
  for (float& x : numbers) {
    x = static_cast<float>(random.uniform() - 0.5);
  }
  std::vector<std::byte> bytes(numbers.size() * models::bytes_of(dtype));
  models::write_floats(dtype, numbers, bytes);
  return bytes;
}

}  // namespace

const std::vector<std::string>& small_families() {
  static const std::vector<std::string> kFamilies = {
      "mixtral", "qwen3_moe", "olmoe", "deepseek_v3", "gpt_oss", "switch_transformers"};
  return kFamilies;
}

std::string small_config(const std::string& family, const SmallModel& m) {
  const std::string common = fmt::format(
      R"("model_type": "{}", "hidden_size": {}, "num_hidden_layers": {}, "num_attention_heads": 2,
 "num_key_value_heads": 2, {}"vocab_size": 10, "max_position_embeddings": 64,
 "num_experts_per_tok": {}, "rms_norm_eps": 1e-05, "tie_word_embeddings": false,
 "torch_dtype": "float32", )",
      family, m.hidden, m.layers, family == "deepseek_v3" ? "" : "\"head_dim\": 4, ", m.top_k);
  if (family == "mixtral" || family == "gpt_oss") {
    return fmt::format("{{{}\"intermediate_size\": {}, \"num_local_experts\": {}}}", common,
                       m.intermediate, m.experts);
  }
  if (family == "qwen3_moe") {
    return fmt::format(
        "{{{}\"intermediate_size\": 99, \"moe_intermediate_size\": {}, \"num_experts\": {}, "
        "\"decoder_sparse_step\": 1, \"mlp_only_layers\": [], \"norm_topk_prob\": true}}",
        common, m.intermediate, m.experts);
  }
  if (family == "olmoe") {
    return fmt::format(
        "{{{}\"intermediate_size\": {}, \"num_experts\": {}, \"norm_topk_prob\": false}}", common,
        m.intermediate, m.experts);
  }
  if (family == "deepseek_v3") {  // the first layer is dense
    return fmt::format(
        "{{{}\"intermediate_size\": 20, \"moe_intermediate_size\": {}, \"n_routed_experts\": {}, "
        "\"n_shared_experts\": 1, \"first_k_dense_replace\": 1, \"moe_layer_freq\": 1, "
        "\"scoring_func\": \"sigmoid\", \"topk_method\": \"noaux_tc\", \"n_group\": 1, "
        "\"topk_group\": 1, \"norm_topk_prob\": true, \"q_lora_rank\": null, \"kv_lora_rank\": 4, "
        "\"qk_nope_head_dim\": 4, \"qk_rope_head_dim\": 2, \"v_head_dim\": 4, "
        "\"num_nextn_predict_layers\": 1}}",
        common, m.intermediate, m.experts);
  }
  return fmt::format(  // encoder and decoder of two blocks, the second of each sparse
      "{{\"model_type\": \"switch_transformers\", \"d_model\": {}, \"d_ff\": {}, \"d_kv\": 4, "
      "\"num_heads\": 2, \"num_layers\": 2, \"num_decoder_layers\": 2, "
      "\"num_sparse_encoder_layers\": 1, \"num_sparse_decoder_layers\": 1, \"num_experts\": {}, "
      "\"expert_capacity\": 64, \"vocab_size\": 10}}",
      m.hidden, m.intermediate, m.experts);
}

std::map<std::string, std::vector<std::int64_t>> small_tensors(const std::string& family,
                                                               const SmallModel& m) {
  std::map<std::string, std::vector<std::int64_t>> tensors;
  const std::int64_t h = m.hidden, i = m.intermediate, n = m.experts;
  if (family == "switch_transformers") {
    for (const std::string block :
         {"encoder.block.1.layer.1.mlp.", "decoder.block.1.layer.2.mlp."}) {
      tensors[block + "router.classifier.weight"] = {n, h};
      for (std::int64_t e = 0; e < n; ++e) {
        tensors[fmt::format("{}experts.expert_{}.wi.weight", block, e)] = {i, h};
        tensors[fmt::format("{}experts.expert_{}.wo.weight", block, e)] = {h, i};
      }
    }
    tensors["shared.weight"] = {10, h};
    return tensors;
  }
  tensors["model.embed_tokens.weight"] = {10, h};
  tensors["lm_head.weight"] = {10, h};
  const std::int64_t first = family == "deepseek_v3" ? 1 : 0;
  for (std::int64_t l = 0; l < first; ++l) {
    tensors[fmt::format("model.layers.{}.mlp.up_proj.weight", l)] = {20, h};
  }
  // One layer more than the config counts: multi-token prediction.
  const std::int64_t last = family == "deepseek_v3" ? m.layers + 1 : m.layers;
  for (std::int64_t l = first; l < last; ++l) {
    const std::string block =
        fmt::format("model.layers.{}.{}.", l, family == "mixtral" ? "block_sparse_moe" : "mlp");
    tensors[fmt::format("model.layers.{}.input_layernorm.weight", l)] = {h};
    if (family == "gpt_oss") {
      tensors[block + "router.weight"] = {n, h};
      tensors[block + "router.bias"] = {n};
      tensors[block + "experts.gate_up_proj"] = {n, h, 2 * i};
      tensors[block + "experts.gate_up_proj_bias"] = {n, 2 * i};
      tensors[block + "experts.down_proj"] = {n, i, h};
      tensors[block + "experts.down_proj_bias"] = {n, h};
      continue;
    }
    tensors[block + "gate.weight"] = {n, h};
    if (family == "deepseek_v3") {
      tensors[block + "gate.e_score_correction_bias"] = {n};
      tensors[block + "shared_experts.up_proj.weight"] = {i, h};
    }
    const bool mixtral = family == "mixtral";
    for (std::int64_t e = 0; e < n; ++e) {
      const std::string expert = fmt::format("{}experts.{}.", block, e);
      tensors[expert + (mixtral ? "w1.weight" : "gate_proj.weight")] = {i, h};
      tensors[expert + (mixtral ? "w3.weight" : "up_proj.weight")] = {i, h};
      tensors[expert + (mixtral ? "w2.weight" : "down_proj.weight")] = {h, i};
    }
  }
  return tensors;
}

void write_small_model(const std::filesystem::path& directory, const std::string& family,
                       const SmallModel& model) {
  std::filesystem::create_directories(directory);
  text::write_file(directory / "config.json", small_config(family, model));
  text::write_file(directory / "tokenizer.json", "{}");
  const std::vector<std::string> shards =
      model.sharded ? std::vector<std::string>{"model-00001-of-00002.safetensors",
                                               "model-00002-of-00002.safetensors"}
                    : std::vector<std::string>{"model.safetensors"};
  models::CheckpointWriter writer(
      directory, shards, model.sharded ? "model.safetensors.index.json" : "",
      std::vector<std::map<std::string, std::string>>(shards.size(), {{"format", "pt"}}));
  const auto tensors = small_tensors(family, model);
  std::size_t count = 0;
  for (const auto& [name, shape] : tensors) {
    writer.declare(name, model.dtype, shape, count++ % shards.size());
  }
  writer.begin();
  for (const auto& [name, shape] : tensors) {
    models::TensorInfo info;
    info.shape = shape;
    writer.write(name, random_bytes(name, info.elements(), model.dtype));
  }
  writer.finish();
}

std::string safetensors_bytes(const std::string& header, std::size_t data) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(header.size() >> (8 * i));
  }
  return bytes + header + std::string(data, '\0');
}

void write_logits(const std::filesystem::path& file, const std::vector<std::int64_t>& layers,
                  std::int64_t tokens, const SmallModel& model) {
  models::CheckpointWriter writer(file.parent_path(), {file.filename().string()}, "", {{}});
  for (const std::int64_t layer : layers) {
    writer.declare(fmt::format("layer.{}.logits", layer), Dtype::f32, {tokens, model.experts}, 0);
  }
  writer.begin();
  for (const std::int64_t layer : layers) {
    const std::string name = fmt::format("layer.{}.logits", layer);
    writer.write(name, random_bytes(name, tokens * model.experts, Dtype::f32));
  }
  writer.finish();
}

std::vector<float> numbers_of(const models::Checkpoint& checkpoint, const std::string& tensor) {
  std::vector<float> numbers(static_cast<std::size_t>(checkpoint.tensor(tensor).info.elements()));
  checkpoint.read(tensor, numbers);
  return numbers;
}

}  // namespace moeplan::tests
