// Llama 4. Layer i is MoE when the list moe_layers names it, else when it is in
// range(step - 1, layers, step), step = interleave_moe_layer_step: all 48 of Scout (step 1), 24 of
// Maverick's 48 (step 2). An MoE layer always has one shared expert of the same width, for which
// the config has no field. intermediate_size is the width of an expert, intermediate_size_mlp of a
// dense layer. Source: transformers, models/llama4/{configuration,modeling}_llama4.py.

#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

std::vector<bool> read_moe_layers(HfKeys& keys, std::int64_t layers) {
  std::vector<bool> is_moe(static_cast<std::size_t>(layers), false);
  const auto listed = keys.counts("moe_layers", {"moe_layers"});
  if (listed && !listed->empty()) {
    keys.understood({"interleave_moe_layer_step"});
    for (const std::int64_t layer : *listed) {
      if (layer >= layers) {
        keys.conflict(
            {"moe_layers"},
            fmt::format("moe_layers names layer {}, num_hidden_layers is {}", layer, layers),
            fmt::format("0 to {}", layers - 1));
        return is_moe;
      }
      is_moe[static_cast<std::size_t>(layer)] = true;
    }
    return is_moe;
  }
  const std::int64_t step =
      keys.count_or("moe_layer_interval", {"interleave_moe_layer_step"}, 1, text::kPositive);
  for (std::int64_t i = step - 1; step > 0 && i < layers; i += step) {
    is_moe[static_cast<std::size_t>(i)] = true;
  }
  return is_moe;
}

// Layers with rotary positions attend within chunks of attention_chunk_size; every fourth has none
// and attends to all (no_rope_layers has 0 there). A chunk is costed as a window of its size, the
// most a token can see.
std::vector<std::optional<std::int64_t>> read_windows(HfKeys& keys, std::int64_t layers) {
  const auto chunk = keys.optional_count("window", {"attention_chunk_size"});
  std::vector<std::optional<std::int64_t>> windows(static_cast<std::size_t>(layers));
  std::vector<std::int64_t> rotary =
      keys.counts("no_rope_layers", {"no_rope_layers"}).value_or(std::vector<std::int64_t>{});
  const std::int64_t interval =
      keys.count_or("no_rope_layer_interval", {"no_rope_layer_interval"}, 4, text::kPositive);
  if (rotary.empty()) {
    for (std::int64_t i = 0; i < layers; ++i) {
      rotary.push_back(interval > 0 && (i + 1) % interval != 0 ? 1 : 0);
    }
  } else if (static_cast<std::int64_t>(rotary.size()) != layers) {
    keys.conflict({"no_rope_layers"},
                  fmt::format("no_rope_layers has {} entries, num_hidden_layers is {}",
                              rotary.size(), layers),
                  fmt::format("{} entries of 0 or 1", layers));
    return windows;
  }
  for (std::size_t i = 0; i < windows.size(); ++i) {
    windows[i] = rotary[i] != 0 ? chunk : std::nullopt;
  }
  if (chunk) {
    keys.warn(
        fmt::format("chunked attention is costed as a window of {} tokens, the most a token "
                    "of a chunk can see",
                    *chunk));
  }
  return windows;
}

}  // namespace

void read_llama4(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  GroupedQueryAttention attention = read_grouped_query(keys, architecture, HeadDim::own, true);
  attention.qkv_bias = keys.flag_or("attention_bias", {"attention_bias"}, false);
  attention.output_bias = attention.qkv_bias;
  MoeFfn moe;
  read_experts(keys, moe, {"intermediate_size"});
  moe.router.scoring = RouterScoring::sigmoid;
  moe.router.normalise_top_k = false;
  moe.shared_experts = 1;
  moe.shared_intermediate = moe.intermediate;
  keys.derive("shared_intermediate",
              fmt::format("{} (always one shared expert of intermediate_size, in llama4)",
                          moe.shared_intermediate));
  keys.understood({"router_aux_loss_coef", "output_router_logits", "router_jitter_noise"});
  const std::int64_t layers = read_layer_count(keys);
  const std::vector<bool> is_moe = read_moe_layers(keys, layers);
  const DenseFfn dense = read_dense_where_needed(keys, is_moe, {"intermediate_size_mlp"});
  add_mixed_layers(architecture, attention, read_windows(keys, layers), is_moe, moe, dense);
}

}  // namespace moeplan::models
