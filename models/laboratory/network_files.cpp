#include "models/laboratory/network_files.hpp"

#include <fmt/format.h>

#include "models/checkpoint/expert_tensors.hpp"
#include "models/checkpoint/prune_checkpoint.hpp"
#include "models/text/json.hpp"
#include "models/text/load.hpp"

namespace moeplan::models {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFamily = "qwen3_moe";

text::Json config_of(const Network& network) {
  const std::int64_t hidden = network.final_norm.size();
  const SmoeLayer& layer = network.layers.front();
  return text::Json::object()
      .set("architectures", std::vector<std::string>{"Qwen3MoeForCausalLM"})
      .set("model_type", kFamily)
      .set("hidden_size", hidden)
      .set("num_hidden_layers", network.layers.size())
      .set("num_attention_heads", 1)
      .set("num_key_value_heads", 1)
      .set("head_dim", hidden)
      .set("vocab_size", network.head.rows())
      .set("max_position_embeddings", 1024)
      .set("intermediate_size", layer.experts.front().intermediate())
      .set("moe_intermediate_size", layer.experts.front().intermediate())
      .set("num_experts", layer.experts.size())
      .set("num_experts_per_tok", 1)
      .set("decoder_sparse_step", 1)
      .set("mlp_only_layers", std::vector<std::int64_t>{})
      .set("norm_topk_prob", false)
      .set("hidden_act", "silu")
      .set("rms_norm_eps", 1e-6)
      .set("tie_word_embeddings", false)
      .set("torch_dtype", "float32");
}

using Named = std::vector<std::pair<std::string, FloatMatrix>>;

void write_tensors(const fs::path& directory, const std::string& file, const Named& tensors,
                   const std::function<bool(const std::string&)>& is_vector) {
  CheckpointWriter writer(directory, {file}, "", {{{"format", "pt"}}});
  for (const auto& [name, matrix] : tensors) {
    writer.declare(name, Dtype::f32,
                   is_vector(name) ? std::vector<std::int64_t>{matrix.size()}
                                   : std::vector<std::int64_t>{matrix.rows(), matrix.cols()},
                   0);
  }
  writer.begin();
  for (const auto& [name, matrix] : tensors) {
    writer.write(name,
                 std::as_bytes(std::span(matrix.data(), static_cast<std::size_t>(matrix.size()))));
  }
  writer.finish();
}

FloatMatrix read_matrix(const Checkpoint& checkpoint, const std::string& name, std::int64_t rows,
                        std::int64_t columns, bool vector = false) {
  check_shape(
      checkpoint, name,
      vector ? std::vector<std::int64_t>{columns} : std::vector<std::int64_t>{rows, columns});
  FloatMatrix matrix(rows, columns);
  checkpoint.read(name, {matrix.data(), static_cast<std::size_t>(matrix.size())});
  return matrix;
}

std::string layer_prefix(std::size_t layer) { return fmt::format("model.layers.{}.", layer); }

}  // namespace

void write_network(const fs::path& directory, const Network& network) {
  const std::int64_t hidden = network.final_norm.size();
  Named tensors;
  const auto add = [&](const std::string& name, FloatMatrix matrix) {
    tensors.emplace_back(name, std::move(matrix));
  };
  const FloatMatrix ones = FloatMatrix::Ones(1, hidden);
  const FloatMatrix nothing = FloatMatrix::Zero(hidden, hidden);
  add("model.embed_tokens.weight", FloatMatrix::Zero(network.head.rows(), hidden));
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const SmoeLayer& layer = network.layers[l];
    const std::string start = layer_prefix(l);
    for (const char* norm : {"input_layernorm", "self_attn.q_norm", "self_attn.k_norm"}) {
      add(start + norm + ".weight", ones);
    }
    for (const char* projection : {"q", "k", "v", "o"}) {
      add(fmt::format("{}self_attn.{}_proj.weight", start, projection), nothing);
    }
    add(start + "post_attention_layernorm.weight", layer.norm.transpose());
    add(start + "mlp.gate.weight", layer.router);
    for (std::size_t e = 0; e < layer.experts.size(); ++e) {
      const std::string expert = fmt::format("{}mlp.experts.{}.", start, e);
      add(expert + "up_proj.weight", layer.experts[e].in);
      add(expert + "gate_proj.weight", layer.experts[e].gate);
      add(expert + "down_proj.weight", layer.experts[e].out);
    }
  }
  add("model.norm.weight", network.final_norm.transpose());
  add("lm_head.weight", network.head);
  write_tensors(directory, "model.safetensors", tensors,
                [](const std::string& name) { return name.ends_with("norm.weight"); });
  text::write_file(directory / "config.json", config_of(network).pretty());
}

Network read_network(const fs::path& directory) {
  const ModelFiles model(directory);
  const SmoeArchitecture& architecture = model.architecture();
  const Checkpoint& checkpoint = model.checkpoint();
  if (architecture.model_type != kFamily ||
      architecture.moe_layers().size() != architecture.layers.size()) {
    throw InputError(Problem{.code = "E_VALUE",
                             .file = directory.string(),
                             .what = "this is no network of moeplan lab",
                             .got = architecture.model_type,
                             .expected = fmt::format("{} with experts in every layer", kFamily)});
  }
  const std::int64_t hidden = architecture.hidden;
  Network network;
  for (std::size_t l = 0; l < architecture.layers.size(); ++l) {
    SmoeLayer layer;
    const std::string start = layer_prefix(l);
    layer.norm = read_matrix(checkpoint, start + "post_attention_layernorm.weight", 1, hidden, true)
                     .transpose();
    const std::int64_t experts = model.routers()[l].experts;
    layer.router = read_matrix(checkpoint, start + "mlp.gate.weight", experts, hidden);
    const auto tensors = expert_tensors(checkpoint, architecture, l);
    for (std::int64_t e = 0; e < experts; ++e) {
      layer.experts.push_back(tensors->load(static_cast<std::int32_t>(e)));
    }
    network.layers.push_back(std::move(layer));
  }
  network.final_norm = read_matrix(checkpoint, "model.norm.weight", 1, hidden, true).transpose();
  network.head = read_matrix(checkpoint, "lm_head.weight", architecture.vocabulary, hidden);
  return network;
}

void write_router_data(const fs::path& file, const std::vector<FloatMatrix>& logits) {
  Named tensors;
  for (std::size_t l = 0; l < logits.size(); ++l) {
    tensors.emplace_back(fmt::format("layer.{}.logits", l), logits[l]);
  }
  write_tensors(file.parent_path(), file.filename().string(), tensors,
                [](const std::string&) { return false; });
}

}  // namespace moeplan::models
