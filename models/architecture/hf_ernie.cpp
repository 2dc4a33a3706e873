// ERNIE 4.5 MoE. Layer i is MoE when (i + 1) % moe_layer_interval == 0 and
// moe_layer_start_index <= i <= moe_layer_end_index (-1: the last).
// Source: transformers, models/ernie4_5_moe/{configuration,modeling}_ernie4_5_moe.py.

#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

// moe_layer_end_index may be -1, which no other key may.
std::int64_t read_end(HfKeys& keys, std::int64_t layers) {
  const HfNames names = {"moe_layer_end_index"};
  const auto found = keys.find(names);
  const text::Node* node = found ? found->node : nullptr;
  if (node != nullptr && node->kind == text::Kind::sequence && !node->items.empty()) {
    node = &node->items.front();
  }
  if (node == nullptr || node->scalar == "-1") {
    keys.derive("last_moe_layer", fmt::format("{} (the last layer)", layers - 1));
    return layers - 1;
  }
  const std::int64_t end =
      keys.optional_first_count("last_moe_layer", names, text::kNonNegative).value_or(0);
  if (end >= layers) {
    keys.conflict(
        names, fmt::format("moe_layer_end_index {} is beyond the last of {} layers", end, layers),
        fmt::format("-1 (the last) or 0 to {}", layers - 1));
  }
  return end;
}

std::vector<bool> read_moe_layers(HfKeys& keys, std::int64_t layers) {
  const std::int64_t start =
      keys.optional_first_count("first_moe_layer", {"moe_layer_start_index"}, text::kNonNegative)
          .value_or(1);
  const std::int64_t end = read_end(keys, layers);
  const std::int64_t step =
      keys.count_or("moe_layer_interval", {"moe_layer_interval"}, 1, text::kPositive);
  std::vector<bool> is_moe(static_cast<std::size_t>(layers), false);
  bool any = false;
  for (std::int64_t i = 0; i < layers; ++i) {
    const bool moe = step > 0 && (i + 1) % step == 0 && i >= start && i <= end;
    is_moe[static_cast<std::size_t>(i)] = moe;
    any = any || moe;
  }
  if (!any && keys.ok()) {
    keys.conflict({"moe_layer_start_index"},
                  fmt::format("no layer is MoE: start {}, end {}, interval {}, {} layers", start,
                              end, step, layers),
                  "a start that is at most the end");
  }
  return is_moe;
}

}  // namespace

void read_ernie4_5_moe(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, true);
  GroupedQueryAttention attention = read_grouped_query(keys, architecture, HeadDim::own, false);
  attention.qkv_bias = keys.flag_or("attention_bias", {"use_bias"}, false);
  attention.output_bias = attention.qkv_bias;
  MoeFfn moe;
  read_experts(keys, moe, {"moe_intermediate_size"});
  moe.bias = attention.qkv_bias;
  moe.router.correction_bias = keys.flag_or("correction_bias", {"moe_use_aux_free"}, true);
  moe.shared_experts =
      keys.optional_count("shared_experts", {"moe_num_shared_experts"}, text::kNonNegative)
          .value_or(0);
  set_shared_width(keys, moe, "moe_num_shared_experts");
  keys.understood({"moe_capacity", "moe_gate", "moe_gate_act", "moe_norm_min",
                   "moe_aux_loss_lambda", "router_aux_loss_coef", "output_router_logits"});
  const std::int64_t layers = read_layer_count(keys);
  const std::vector<bool> is_moe = read_moe_layers(keys, layers);
  DenseFfn dense = read_dense_where_needed(keys, is_moe, {"intermediate_size"});
  dense.bias = attention.qkv_bias;
  warn_about_prediction_layers(keys);
  add_mixed_layers(architecture, attention, layer_windows(keys, layers, std::nullopt, 0), is_moe,
                   moe, dense);
}

}  // namespace moeplan::models
