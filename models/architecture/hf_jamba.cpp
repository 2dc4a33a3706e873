// Jamba as far as it is attention: layer i is attention when i % attn_layer_period ==
// attn_layer_offset and MoE when i % expert_layer_period == expert_layer_offset; the others are
// Mamba, whose time and state no law covers. Source: transformers,
// models/jamba/configuration_jamba.py.

#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

// [layers], true where i % period == offset.
std::vector<bool> periodic(HfKeys& keys, std::int64_t layers, const std::string& what,
                           std::int64_t default_period, std::int64_t default_offset) {
  const std::int64_t period =
      keys.count_or(what + "_period", {what + "_layer_period"}, default_period, text::kPositive);
  const std::int64_t offset =
      keys.count_or(what + "_offset", {what + "_layer_offset"}, default_offset);
  if (period > 0 && offset >= period) {
    keys.conflict({what + "_layer_offset"},
                  fmt::format("{0}_layer_offset {1} >= {0}_layer_period {2}", what, offset, period),
                  fmt::format("0 to {}", period - 1));
  }
  std::vector<bool> chosen(static_cast<std::size_t>(layers), false);
  for (std::int64_t i = 0; i < layers; ++i) {
    chosen[static_cast<std::size_t>(i)] = period > 0 && i % period == offset;
  }
  return chosen;
}

}  // namespace

void read_jamba(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  const GroupedQueryAttention attention =
      read_grouped_query(keys, architecture, HeadDim::hidden_over_heads, false);
  const std::int64_t layers = read_layer_count(keys);
  const std::vector<bool> is_attention = periodic(keys, layers, "attn", 8, 4);
  std::vector<std::string> mamba;
  for (std::size_t i = 0; i < is_attention.size(); ++i) {
    if (!is_attention[i]) {
      mamba.push_back(fmt::format("{}", i));
    }
  }
  if (!mamba.empty()) {
    keys.conflict(
        {"attn_layer_period"},
        fmt::format("layers {} of {} are Mamba, which cannot be costed", joined(mamba), layers),
        what_can_be_costed());
    return;
  }
  MoeFfn moe;
  read_experts(keys, moe, {"intermediate_size"});
  moe.router.normalise_top_k = false;
  keys.understood({"router_aux_loss_coef", "output_router_logits"});
  const std::vector<bool> is_moe = periodic(keys, layers, "expert", 2, 1);
  const DenseFfn dense = read_dense_where_needed(keys, is_moe, {"intermediate_size"});
  add_mixed_layers(architecture, attention, layer_windows(keys, layers, std::nullopt, 0), is_moe,
                   moe, dense);
}

}  // namespace moeplan::models
