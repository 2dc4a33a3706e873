#pragma once
// ExpertNames: what the families call the tensors of an MoE layer.
// Sources (Hugging Face transformers, src/transformers/models/*/modeling_*.py, v4.57, parameter
// names of the modules named; checkpoints on the hub carry the same, read 2026-11-24):
//   mixtral              MixtralSparseMoeBlock: gate, experts.E.{w1, w3, w2} = gate, up, down
//   qwen2_moe, qwen3_moe Qwen3MoeSparseMoeBlock: gate, experts.E.{gate,up,down}_proj
//   olmoe                OlmoeSparseMoeBlock: the same
//   deepseek_v2, _v3     DeepseekV3MoE: the same, gate.e_score_correction_bias; glm4_moe alike
//   gpt_oss              GptOssMLP: router.{weight,bias}, experts.gate_up_proj [E, h, 2I] with gate
//                        in even and up in odd columns, experts.down_proj [E, I, h], *_bias
//   switch_transformers  SwitchTransformersSparseMLP: router.classifier, experts.expert_E.{wi,wo}
// Linear layers are stored [out x in].

#include <string>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"

namespace moeplan::models {

// Of one MoE layer; names are whole but for those of experts.
struct ExpertNames {
  std::string router;           // [experts x hidden]
  std::string router_bias;      // [experts]; empty: none
  std::string correction_bias;  // [experts]; empty: none; may be missing in the file
  std::string experts;          // what all tensors of the experts begin with
  std::string number;           // between that and the expert's number ("expert_"); may be empty
  bool fused = false;           // one tensor holds all experts
  std::string in;               // behind the number and a dot; with fused: gate and up together
  std::string gate;             // empty: two matrices, or fused
  std::string out;

  // "model.layers.3.mlp.experts.7.up_proj.weight"
  std::string of(std::int64_t expert, const std::string& tensor) const {
    return experts + number + std::to_string(expert) + "." + tensor;
  }
};

// layer: index into architecture.layers, an MoE layer.
// Throws: InputError E_VALUE for a family whose names are not known here, with those that are.
ExpertNames expert_names(const SmoeArchitecture& architecture, std::size_t layer);

}  // namespace moeplan::models
