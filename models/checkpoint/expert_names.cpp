#include "models/checkpoint/expert_names.hpp"

#include <fmt/format.h>

#include "models/text/input_error.hpp"

namespace moeplan::models {
namespace {

ExpertNames projections(const std::string& block) {
  return {.router = block + "gate.weight",
          .router_bias = "",
          .correction_bias = "",
          .experts = block + "experts.",
          .number = "",
          .fused = false,
          .in = "up_proj.weight",
          .gate = "gate_proj.weight",
          .out = "down_proj.weight"};
}

}  // namespace

ExpertNames expert_names(const SmoeArchitecture& architecture, std::size_t layer) {
  const std::string& type = architecture.model_type;
  const std::string mlp = fmt::format("model.layers.{}.mlp.", layer);
  if (type == "mixtral") {
    ExpertNames names = projections(fmt::format("model.layers.{}.block_sparse_moe.", layer));
    names.in = "w3.weight";
    names.gate = "w1.weight";
    names.out = "w2.weight";
    return names;
  }
  if (type == "qwen2_moe" || type == "qwen3_moe" || type == "olmoe") {
    return projections(mlp);
  }
  if (type == "deepseek_v2" || type == "deepseek_v3" || type == "glm4_moe") {
    ExpertNames names = projections(mlp);
    names.correction_bias = mlp + "gate.e_score_correction_bias";
    return names;
  }
  if (type == "gpt_oss") {
    ExpertNames names = projections(mlp);
    names.router = mlp + "router.weight";
    names.router_bias = mlp + "router.bias";
    names.fused = true;
    names.in = "gate_up_proj";
    names.gate = "";
    names.out = "down_proj";
    return names;
  }
  if (type == "switch_transformers") {
    // A decoder block has cross-attention as layer 1, so its feed-forward is layer 2.
    const bool encoder = layer < architecture.encoder_layers;
    const std::string block =
        encoder ? fmt::format("encoder.block.{}.layer.1.mlp.", layer)
                : fmt::format("decoder.block.{}.layer.2.mlp.", layer - architecture.encoder_layers);
    ExpertNames names = projections(block);
    names.router = block + "router.classifier.weight";
    names.number = "expert_";
    names.in = "wi.weight";
    names.gate = "";
    names.out = "wo.weight";
    return names;
  }
  throw InputError(Problem{.code = "E_VALUE",
                           .file = architecture.name,
                           .what = "the expert tensors of this model_type are not known",
                           .got = "'" + type + "'",
                           .expected = "mixtral, qwen2_moe, qwen3_moe, olmoe, deepseek_v2, "
                                       "deepseek_v3, glm4_moe, gpt_oss or switch_transformers"});
}

}  // namespace moeplan::models
