// MiMo-V2-Flash: layers of full and of sliding-window attention (hybrid_layer_pattern: 0, 1), each
// kind with its own number of heads; key heads are wider than value heads. MoE layers are those of
// the list moe_layer_freq; no shared experts.
// Source: configuration and modeling of XiaomiMiMo/MiMo-V2-Flash (model_type mimo_v2_flash).

#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

// Weights are h (H + K) (qk + v), the cache K (qk + v) and the products of scores and values
// 2 H (qk + v): all as with one head size of the mean, (qk + v) / 2.
std::int64_t mean_head_dim(HfKeys& keys, const std::string& key_dim, const std::string& value_dim) {
  const std::int64_t qk = keys.count(key_dim, {key_dim});
  const std::int64_t v = keys.count_or(value_dim, {value_dim}, qk, text::kPositive);
  if ((qk + v) % 2 != 0) {
    keys.conflict({value_dim},
                  fmt::format("{} {} + {} {} is odd: no head size stands for both", key_dim, qk,
                              value_dim, v),
                  "an even sum");
  }
  if (qk != v) {
    keys.warn(fmt::format(
        "key heads of {} and value heads of {} are costed as {} each: the same weights, cache and "
        "FLOPs",
        qk, v, (qk + v) / 2));
  }
  return (qk + v) / 2;
}

GroupedQueryAttention read_kind(HfKeys& keys, const std::string& prefix) {
  GroupedQueryAttention attention;
  attention.heads = keys.count(prefix + "heads", {prefix + "num_attention_heads"});
  attention.kv_heads = keys.count(prefix + "kv_heads", {prefix + "num_key_value_heads"});
  attention.head_dim = mean_head_dim(keys, prefix + "head_dim", prefix + "v_head_dim");
  attention.qkv_bias = keys.flag_or("attention_bias", {"attention_bias"}, false);
  if (attention.kv_heads > 0 && attention.heads % attention.kv_heads != 0) {
    keys.conflict({prefix + "num_key_value_heads"},
                  fmt::format("{0}num_attention_heads {1} is not a multiple of "
                              "{0}num_key_value_heads {2}",
                              prefix, attention.heads, attention.kv_heads),
                  fmt::format("a divisor of {}", attention.heads));
  }
  return attention;
}

}  // namespace

void read_mimo_v2_flash(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  const GroupedQueryAttention full = read_kind(keys, "");
  GroupedQueryAttention sliding = read_kind(keys, "swa_");
  sliding.window = keys.count("window", {"sliding_window", "sliding_window_size"});
  MoeFfn moe;
  read_scored_moe(keys, moe, "sigmoid", "noaux_tc", true);
  const std::int64_t layers = read_layer_count(keys);
  const std::vector<bool> is_moe = read_first_k_dense(keys, layers);
  const DenseFfn dense = read_dense_where_needed(keys, is_moe, {"intermediate_size"});
  const HfNames pattern_names = {"hybrid_layer_pattern"};
  const auto pattern = keys.counts("layer_types", pattern_names);
  if (!pattern) {
    keys.missing("layer_types", pattern_names);
  } else if (right_length(keys, "hybrid_layer_pattern", pattern->size(), layers,
                          "0 (full) or 1 (sliding window)")) {
    for (std::size_t i = 0; i < pattern->size(); ++i) {
      architecture.layers.push_back(
          {(*pattern)[i] == 0 ? full : sliding, is_moe[i] ? Ffn(moe) : Ffn(dense)});
    }
  }
  keys.understood({"routed_scaling_factor", "moe_router_dtype"});
  warn_about_prediction_layers(keys);
  keys.warn("attention sinks (one learned logit per head and layer) are not counted");
}

}  // namespace moeplan::models
