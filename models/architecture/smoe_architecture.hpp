#pragma once
// SmoeArchitecture: everything about a language model that costs time or memory, layer by layer.
// Made from a Hugging Face config.json (hf_config.hpp) or our YAML (architecture_yaml.hpp); dense
// models are the case without experts. Counts of parameters, FLOPs and bytes are in counts.hpp.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "models/architecture/precision.hpp"

namespace moeplan::models {

// Grouped-query attention (multi-head: kv_heads == heads). Weights: q and o are
// hidden x heads*head_dim, k and v are hidden x kv_heads*head_dim.
struct GroupedQueryAttention {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  bool qkv_bias = false;
  bool output_bias = false;
  bool qk_norm = false;                // RMS norms of head_dim on q and k (Qwen3)
  bool qk_norm_whole = false;          // the same over all heads at once (OLMoE)
  bool value_is_key = false;           // no value projection (Gemma 4); the cache holds both
  std::optional<std::int64_t> window;  // sliding window in tokens
  friend bool operator==(const GroupedQueryAttention&, const GroupedQueryAttention&) = default;
};

// Multi-head latent attention: the cache holds kv_lora_rank + qk_rope_head_dim per token.
struct LatentAttention {
  std::int64_t heads = 0;
  std::optional<std::int64_t> q_lora_rank;  // absent: q is projected directly
  std::int64_t kv_lora_rank = 0;
  std::int64_t qk_nope_head_dim = 0;
  std::int64_t qk_rope_head_dim = 0;
  std::int64_t v_head_dim = 0;
  friend bool operator==(const LatentAttention&, const LatentAttention&) = default;
};

using Attention = std::variant<GroupedQueryAttention, LatentAttention>;

// A dense feed-forward network: 3 hidden x intermediate weights when gated, else 2.
struct DenseFfn {
  std::int64_t intermediate = 0;
  bool gated = true;
  bool bias = false;
  friend bool operator==(const DenseFfn&, const DenseFfn&) = default;
};

enum class RouterScoring { softmax, sigmoid };

// How the router picks experts.
struct Router {
  RouterScoring scoring = RouterScoring::softmax;
  bool normalise_top_k = true;   // norm_topk_prob
  bool correction_bias = false;  // e_score_correction_bias
  bool bias = false;             // of the router's own matrix (gpt-oss)
  std::int64_t groups = 1;       // n_group
  std::int64_t groups_kept = 1;  // topk_group
  double capacity_factor = 0.0;  // 0: dropless
  std::int64_t minimum_capacity = 0;
  friend bool operator==(const Router&, const Router&) = default;
};

struct MoeFfn {
  std::int64_t experts = 0;
  std::int64_t top_k = 0;
  std::int64_t intermediate = 0;  // of one expert
  bool gated = true;              // 3 or 2 matrices
  bool bias = false;
  std::int64_t shared_experts = 0;       // run for every token
  std::int64_t shared_intermediate = 0;  // of all shared experts together
  bool shared_gate = false;              // a hidden x 1 gate on the shared output (Qwen2-MoE)
  // DeepSpeed's use_residual: a dense FFN beside the experts (shared_intermediate) and a
  // hidden x 2 mix with bias of the two outputs.
  bool residual_mix = false;
  Router router;
  friend bool operator==(const MoeFfn&, const MoeFfn&) = default;
};

using Ffn = std::variant<DenseFfn, MoeFfn>;

struct Layer {
  Attention attention;
  Ffn ffn;
  // A decoder layer of an encoder-decoder: a second attention of the same shape (over the
  // encoder's output) with a norm of its own.
  bool cross_attention = false;
  friend bool operator==(const Layer&, const Layer&) = default;
};

struct SmoeArchitecture {
  std::string name;        // catalog id or file stem
  std::string source;      // where the file's facts come from; empty for a user's own file
  std::string model_type;  // of the config
  std::int64_t hidden = 0;
  std::int64_t vocabulary = 0;
  std::int64_t max_positions = 0;
  bool tied_embeddings = false;
  bool learned_positions = false;  // GPT-2: max_positions x hidden weights
  bool layer_norm = false;         // LayerNorm (weight and bias) instead of RMSNorm (weight)
  std::vector<Layer> layers;       // [layers], order of execution
  // The first of `layers` are the encoder of an encoder-decoder (Switch, NLLB-MoE); 0 for the
  // decoder-only models that the simulator serves.
  std::size_t encoder_layers = 0;
  Precision weight_precision = Precision::bf16;  // as the checkpoint states it
  // Expert weights may be stored in another precision than the rest (gpt-oss).
  std::optional<Precision> expert_precision;
  // Our field -> the key (and its value) of the source file it came from.
  std::map<std::string, std::string> origin;
  std::vector<std::string> warnings;  // unknown MoE-looking keys and the like

  // Indices of MoE layers.
  std::vector<std::size_t> moe_layers() const;
  bool is_moe() const { return !moe_layers().empty(); }
  bool encoder_decoder() const { return encoder_layers > 0; }
  // Why this model can be counted but not served (an encoder-decoder), or nothing.
  std::optional<std::string> why_not_served() const;
  // Precision in which expert weights are stored when the rest is stored in `weights`.
  Precision experts_in(Precision weights) const { return expert_precision.value_or(weights); }
};

}  // namespace moeplan::models
