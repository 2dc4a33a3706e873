// Qwen2, Qwen3 and their mixture-of-experts versions. Layer i (0-based) is MoE when it is not in
// mlp_only_layers and (i + 1) % decoder_sparse_step == 0.

#include <fmt/format.h>

#include <algorithm>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

// use_sliding_window switches the window on, from layer max_window_layers upwards.
std::vector<std::optional<std::int64_t>> read_windows(HfKeys& keys, std::int64_t layers) {
  const std::optional<std::int64_t> stated = keys.optional_count("window", {"sliding_window"});
  const bool used = keys.flag_or("window_used", {"use_sliding_window"}, false);
  const std::int64_t first = keys.count_or("first_windowed_layer", {"max_window_layers"}, 28);
  return layer_windows(keys, layers, used ? stated : std::nullopt, first);
}

GroupedQueryAttention qwen2_attention(HfKeys& keys, const SmoeArchitecture& architecture) {
  GroupedQueryAttention attention =
      read_grouped_query(keys, architecture, HeadDim::hidden_over_heads, false);
  attention.qkv_bias = true;
  return attention;
}

GroupedQueryAttention qwen3_attention(HfKeys& keys, const SmoeArchitecture& architecture) {
  GroupedQueryAttention attention = read_grouped_query(keys, architecture, HeadDim::own, false);
  attention.qk_norm = true;
  attention.qkv_bias = keys.flag_or("attention_bias", {"attention_bias"}, false);
  attention.output_bias = attention.qkv_bias;
  return attention;
}

void add_dense_layers(HfKeys& keys, SmoeArchitecture& architecture,
                      const GroupedQueryAttention& attention) {
  DenseFfn ffn;
  ffn.intermediate = keys.count("intermediate", {"intermediate_size"});
  const std::int64_t layers = read_layer_count(keys);
  add_layers(architecture, layers, attention, read_windows(keys, layers),
             [&](std::int64_t) -> Ffn { return ffn; });
}

// [layers], true where the rule puts experts.
std::vector<bool> read_moe_layers(HfKeys& keys, std::int64_t layers) {
  const std::int64_t step =
      keys.count_or("moe_layer_interval", {"decoder_sparse_step"}, 1, text::kPositive);
  std::vector<bool> is_moe(static_cast<std::size_t>(layers), false);
  for (std::int64_t i = 0; i < layers; ++i) {
    is_moe[static_cast<std::size_t>(i)] = step > 0 && (i + 1) % step == 0;
  }
  for (const std::int64_t layer :
       keys.counts("dense_layers", {"mlp_only_layers"}).value_or(std::vector<std::int64_t>{})) {
    if (layers > 0 && layer >= layers) {
      keys.conflict(
          {"mlp_only_layers"},
          fmt::format("mlp_only_layers names layer {}, num_hidden_layers is {}", layer, layers),
          fmt::format("0 to {}", layers - 1));
    } else if (layers > 0) {
      is_moe[static_cast<std::size_t>(layer)] = false;
    }
  }
  return is_moe;
}

void add_moe_layers(HfKeys& keys, SmoeArchitecture& architecture,
                    const GroupedQueryAttention& attention) {
  MoeFfn moe;
  read_experts(keys, moe, {"moe_intermediate_size"});
  moe.router.normalise_top_k = keys.flag_or("normalise_top_k", {"norm_topk_prob"}, false);
  moe.shared_intermediate =
      keys.optional_count("shared_intermediate", {"shared_expert_intermediate_size"},
                          text::kNonNegative)
          .value_or(0);
  if (moe.shared_intermediate > 0) {
    moe.shared_experts = 1;
    moe.shared_gate = true;
  }
  keys.understood({"router_aux_loss_coef", "output_router_logits"});
  const std::int64_t layers = read_layer_count(keys);
  const std::vector<bool> is_moe = read_moe_layers(keys, layers);
  DenseFfn dense;
  if (std::find(is_moe.begin(), is_moe.end(), false) != is_moe.end()) {
    dense.intermediate = keys.count("dense_intermediate", {"intermediate_size"});
  } else {
    keys.understood({"intermediate_size"});
  }
  add_layers(architecture, layers, attention, read_windows(keys, layers),
             [&](std::int64_t i) -> Ffn {
               return is_moe[static_cast<std::size_t>(i)] ? Ffn(moe) : Ffn(dense);
             });
}

}  // namespace

void read_qwen2(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  add_dense_layers(keys, architecture, qwen2_attention(keys, architecture));
}

void read_qwen3(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  add_dense_layers(keys, architecture, qwen3_attention(keys, architecture));
}

void read_qwen2_moe(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  GroupedQueryAttention attention = qwen2_attention(keys, architecture);
  attention.qkv_bias = keys.flag_or("qkv_bias", {"qkv_bias"}, true);
  add_moe_layers(keys, architecture, attention);
}

void read_qwen3_moe(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  add_moe_layers(keys, architecture, qwen3_attention(keys, architecture));
}

}  // namespace moeplan::models
