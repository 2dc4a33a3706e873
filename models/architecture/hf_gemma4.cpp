// Gemma 4 (text part): sliding-window layers, and full layers with heads of their own size and
// number. With attention_k_eq_v the full layers have no value projection: values are the keys
// before their norm and rotation, so the cache still holds both. With enable_moe_block a dense FFN
// (intermediate_size) runs beside the experts of every layer.
// Source: transformers, models/gemma4/{configuration,modeling}_gemma4.py.

#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

// What the small ones (E2B, E4B) have and no law covers.
void refuse_small_variants(HfKeys& keys) {
  const auto shared =
      keys.optional_count("kv_shared_layers", {"num_kv_shared_layers"}, text::kNonNegative);
  if (shared.value_or(0) > 0) {
    keys.conflict({"num_kv_shared_layers"},
                  fmt::format("the last {} layers use the KV cache of earlier ones", *shared),
                  what_can_be_costed());
  }
  const auto width =
      keys.optional_count("per_layer_input", {"hidden_size_per_layer_input"}, text::kNonNegative);
  if (width.value_or(0) > 0) {
    keys.conflict({"hidden_size_per_layer_input"},
                  fmt::format("every layer has embeddings of its own ({} wide)", *width),
                  what_can_be_costed());
  }
  if (keys.flag_or("double_wide_mlp", {"use_double_wide_mlp"}, false)) {
    keys.conflict({"use_double_wide_mlp"}, "layers with FFNs of twice the width",
                  what_can_be_costed());
  }
}

// Every sixth layer is full when there is no layer_types, and the last one.
std::vector<std::optional<std::int64_t>> read_windows(HfKeys& keys, std::int64_t layers) {
  const std::int64_t window = keys.count("window", {"sliding_window"});
  if (keys.find({"layer_types"})) {
    return layer_windows(keys, layers, window, 0);
  }
  const std::int64_t period =
      keys.count_or("full_layer_period", {"sliding_window_pattern"}, 6, text::kPositive);
  std::vector<std::optional<std::int64_t>> windows(static_cast<std::size_t>(layers));
  for (std::int64_t i = 0; period > 0 && i + 1 < layers; ++i) {
    if ((i + 1) % period != 0) {
      windows[static_cast<std::size_t>(i)] = window;
    }
  }
  return windows;
}

}  // namespace

void read_gemma4(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, true);
  refuse_small_variants(keys);
  GroupedQueryAttention sliding = read_grouped_query(keys, architecture, HeadDim::own, false);
  sliding.qk_norm = true;
  GroupedQueryAttention full = sliding;
  full.head_dim =
      keys.count_or("full_head_dim", {"global_head_dim"}, sliding.head_dim, text::kPositive);
  full.value_is_key = keys.flag_or("value_is_key", {"attention_k_eq_v"}, false);
  if (full.value_is_key) {
    full.kv_heads = keys.count_or("full_kv_heads", {"num_global_key_value_heads"}, sliding.kv_heads,
                                  text::kPositive);
  } else {
    keys.understood({"num_global_key_value_heads"});  // read with attention_k_eq_v only
  }
  const bool has_experts = keys.flag_or("has_experts", {"enable_moe_block"}, false);
  DenseFfn dense;
  dense.intermediate = keys.count("intermediate", {"intermediate_size"});
  MoeFfn moe;
  if (has_experts) {
    read_experts(keys, moe, {"moe_intermediate_size"});
    moe.shared_experts = 1;
    moe.shared_intermediate = dense.intermediate;
    keys.derive("shared_intermediate",
                fmt::format("intermediate_size = {} (a dense FFN beside the experts, in gemma4)",
                            dense.intermediate));
  }
  const std::int64_t layers = read_layer_count(keys);
  for (const auto& window : read_windows(keys, layers)) {
    GroupedQueryAttention own = window ? sliding : full;
    own.window = window;
    architecture.layers.push_back({own, has_experts ? Ffn(moe) : Ffn(dense)});
  }
  keys.warn("norms after attention and feed-forward and per-expert scales are not counted");
}

}  // namespace moeplan::models
