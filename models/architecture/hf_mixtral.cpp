// Mixtral and OLMoE: every layer is MoE and intermediate_size is the width of one expert.

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

void add_all_moe(HfKeys& keys, SmoeArchitecture& architecture,
                 const GroupedQueryAttention& attention, const MoeFfn& moe) {
  keys.understood({"router_aux_loss_coef", "output_router_logits", "router_jitter_noise"});
  const std::int64_t layers = read_layer_count(keys);
  const std::optional<std::int64_t> window = keys.optional_count("window", {"sliding_window"});
  add_layers(architecture, layers, attention, layer_windows(keys, layers, window, 0),
             [&](std::int64_t) -> Ffn { return moe; });
}

}  // namespace

// The router always renormalises over the chosen experts.
void read_mixtral(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  const GroupedQueryAttention attention =
      read_grouped_query(keys, architecture, HeadDim::hidden_over_heads, false);
  MoeFfn moe;
  read_experts(keys, moe, {"intermediate_size"});
  moe.router.normalise_top_k = true;
  keys.derive("normalise_top_k", "true (always, in mixtral)");
  add_all_moe(keys, architecture, attention, moe);
}

void read_olmoe(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  GroupedQueryAttention attention =
      read_grouped_query(keys, architecture, HeadDim::hidden_over_heads, true);
  attention.qk_norm_whole = true;
  attention.qkv_bias = keys.flag_or("attention_bias", {"attention_bias"}, false);
  attention.output_bias = attention.qkv_bias;
  MoeFfn moe;
  read_experts(keys, moe, {"intermediate_size"});
  moe.router.normalise_top_k = keys.flag_or("normalise_top_k", {"norm_topk_prob"}, false);
  add_all_moe(keys, architecture, attention, moe);
}

}  // namespace moeplan::models
