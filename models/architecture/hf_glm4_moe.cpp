// GLM-4.5 (glm4_moe) and MiniMax-M2: grouped-query attention with an independent head_dim, sigmoid
// scores with a correction bias. GLM-4.5 has first dense layers and shared experts.
// Source: transformers, models/{glm4_moe,minimax_m2}/modeling_*.py.

#include <fmt/format.h>

#include <algorithm>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {

// attention_bias puts biases on q, k and v only.
void read_glm4_moe(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  require_head_dim(keys);
  GroupedQueryAttention attention = read_grouped_query(keys, architecture, HeadDim::own, false);
  attention.qkv_bias = keys.flag_or("attention_bias", {"attention_bias"}, false);
  attention.qk_norm = keys.flag_or("qk_norm", {"use_qk_norm"}, false);
  MoeFfn moe;
  read_experts(keys, moe, {"moe_intermediate_size"});
  moe.router.scoring = RouterScoring::sigmoid;
  moe.router.correction_bias = true;
  moe.router.normalise_top_k = keys.flag_or("normalise_top_k", {"norm_topk_prob"}, true);
  read_groups(keys, moe);
  moe.shared_experts =
      keys.optional_count("shared_experts", {"n_shared_experts"}, text::kNonNegative).value_or(0);
  set_shared_width(keys, moe, "n_shared_experts");
  keys.understood({"routed_scaling_factor", "scoring_func", "topk_method"});
  const std::int64_t layers = read_layer_count(keys);
  const std::vector<bool> is_moe = read_first_k_dense(keys, layers);
  const DenseFfn dense = read_dense_where_needed(keys, is_moe, {"intermediate_size"});
  warn_about_prediction_layers(keys);
  add_mixed_layers(architecture, attention, layer_windows(keys, layers, std::nullopt, 0), is_moe,
                   moe, dense);
}

// intermediate_size is the width of one expert, dense_intermediate_size of a dense layer, which
// only the list moe_layer_freq of MiniMax-M3 makes; norms over all of q and of k.
void read_minimax_m2(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  require_head_dim(keys);
  GroupedQueryAttention attention = read_grouped_query(keys, architecture, HeadDim::own, false);
  attention.qk_norm_whole = keys.flag_or("qk_norm", {"use_qk_norm"}, true);
  MoeFfn moe;
  read_experts(keys, moe, {"intermediate_size"});
  moe.router.scoring = RouterScoring::sigmoid;
  moe.router.normalise_top_k = true;
  moe.router.correction_bias = keys.flag_or("correction_bias", {"use_routing_bias"}, true);
  moe.shared_intermediate =
      keys.optional_count("shared_intermediate", {"shared_intermediate_size"}, text::kNonNegative)
          .value_or(0);
  moe.shared_experts = moe.shared_intermediate > 0 ? 1 : 0;
  keys.understood({"scoring_func", "router_aux_loss_coef", "output_router_logits",
                   "router_jitter_noise", "routed_scaling_factor", "shared_moe_mode"});
  const std::int64_t layers = read_layer_count(keys);
  // 1 = softmax attention; 0 = MiniMax-01's lightning attention.
  const auto kinds = keys.counts("attention_kinds", {"attn_type_list"});
  if (kinds && std::any_of(kinds->begin(), kinds->end(), [](std::int64_t k) { return k != 1; })) {
    keys.conflict({"attn_type_list"}, "attn_type_list has layers of linear (lightning) attention",
                  what_can_be_costed());
  }
  if (keys.find({"sparse_attention_config"})) {
    keys.conflict({"sparse_attention_config"}, "layers of block-sparse attention (MiniMax-M3)",
                  what_can_be_costed());
  }
  warn_about_prediction_layers(keys);
  const std::vector<bool> is_moe = read_first_k_dense(keys, layers);
  const DenseFfn dense = read_dense_where_needed(keys, is_moe, {"dense_intermediate_size"});
  const std::optional<std::int64_t> window = keys.optional_count("window", {"sliding_window"});
  add_mixed_layers(architecture, attention, layer_windows(keys, layers, window, 0), is_moe, moe,
                   dense);
}

}  // namespace moeplan::models
