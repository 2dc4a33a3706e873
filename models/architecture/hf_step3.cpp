// Step-3.5 and Step-3.7 Flash: full layers, and sliding-window layers whose heads are those of
// attention_other_setting; KV heads are called num_attention_groups. MoE layers are listed in
// moe_layers_enum ("3,4,5,..."), each with one shared expert of share_expert_dim. layer_types also
// names the multi-token-prediction layers behind the last one.
// Source: configuration_step3p5.py of stepfun-ai/Step-3.5-Flash (also Step-3.7-Flash's text part).

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/architecture/hf_family.hpp"
#include "models/units/parse.hpp"

namespace moeplan::models {
namespace {

// "3,4,5" or [3, 4, 5]; without the key every layer but the first (the class default).
std::vector<bool> read_moe_layers(HfKeys& keys, std::int64_t layers) {
  std::vector<bool> is_moe(static_cast<std::size_t>(layers), false);
  const HfNames names = {"moe_layers_enum"};
  const auto found = keys.find(names);
  if (!found) {
    if (keys.find({"first_k_dense_replace"})) {
      return read_first_k_dense(keys, layers);
    }
    std::fill(is_moe.begin() + (layers > 0 ? 1 : 0), is_moe.end(), true);
    keys.derive("moe_layers", "all but the first (model class default, no moe_layers_enum)");
    return is_moe;
  }
  std::vector<std::int64_t> listed;
  if (found->node->kind == text::Kind::sequence) {
    listed = keys.counts("moe_layers", names).value_or(listed);
  } else {
    std::string text = keys.word_or("moe_layers", names, "") + ",";
    for (std::size_t comma = text.find(','); comma != std::string::npos; comma = text.find(',')) {
      std::string item = text.substr(0, comma);
      std::erase(item, ' ');
      text.erase(0, comma + 1);
      const std::optional<double> value = parse_number(item);
      if (!value || *value < 0 || *value != std::floor(*value) || *value > 10000) {
        keys.conflict(names, fmt::format("'{}' is no layer", item),
                      "indices of layers, separated by commas");
        return is_moe;
      }
      listed.push_back(static_cast<std::int64_t>(*value));
    }
  }
  for (const std::int64_t layer : listed) {
    if (layer >= layers) {
      keys.conflict(
          names,
          fmt::format("moe_layers_enum names layer {}, num_hidden_layers is {}", layer, layers),
          fmt::format("0 to {}", layers - 1));
      return is_moe;
    }
    is_moe[static_cast<std::size_t>(layer)] = true;
  }
  return is_moe;
}

// One count of attention_other_setting, or the full layers' when it is not there.
std::int64_t other_count(HfKeys& keys, const char* key, std::int64_t fallback) {
  const auto setting = keys.find({"attention_other_setting"});
  const text::Node* node = setting ? setting->node->find(key) : nullptr;
  if (node == nullptr) {
    return fallback;
  }
  const std::string pointer = setting->pointer + "/" + key;
  const std::int64_t value =
      text::as_count(keys.problems(), *node, pointer, text::kPositive).value_or(fallback);
  keys.derive(std::string("sliding_") + key,
              fmt::format("attention_other_setting.{} = {}", key, value));
  return value;
}

// Whether each layer slides; entries beyond num_hidden_layers belong to prediction layers.
std::vector<bool> read_sliding(HfKeys& keys, std::int64_t layers) {
  std::vector<bool> sliding(static_cast<std::size_t>(layers), false);
  const HfNames names = {"layer_types"};
  const auto types = keys.words("layer_types", names);
  if (!types) {
    for (std::size_t i = 0; i < sliding.size(); ++i) {
      sliding[i] = i % 2 == 0;
    }
    keys.derive("layer_types", "even layers slide (model class default, no layer_types)");
    return sliding;
  }
  if (types->size() < sliding.size()) {
    right_length(keys, "layer_types", types->size(), layers, "full_ or sliding_attention");
    return sliding;
  }
  for (std::size_t i = 0; i < sliding.size(); ++i) {
    if ((*types)[i] != "full_attention" && (*types)[i] != "sliding_attention") {
      keys.conflict(
          names,
          fmt::format("layer {} has type '{}', which this family does not have", i, (*types)[i]),
          "full_attention, sliding_attention");
      return sliding;
    }
    sliding[i] = (*types)[i] == "sliding_attention";
  }
  return sliding;
}

}  // namespace

void read_step3(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  GroupedQueryAttention full = read_grouped_query(keys, architecture, HeadDim::own, false);
  full.qk_norm = keys.flag_or("qk_norm", {"use_qk_norm"}, true);
  GroupedQueryAttention sliding = full;
  sliding.heads = other_count(keys, "num_attention_heads", full.heads);
  sliding.kv_heads = other_count(keys, "num_attention_groups", full.kv_heads);
  sliding.head_dim = other_count(keys, "head_dim", full.head_dim);
  sliding.window = keys.count("window", {"sliding_window"});
  MoeFfn moe;
  read_experts(keys, moe, {"moe_intermediate_size"});
  const std::string score = keys.word_or("router_scoring", {"moe_router_activation"}, "sigmoid");
  moe.router.scoring = score == "softmax" ? RouterScoring::softmax : RouterScoring::sigmoid;
  moe.router.correction_bias = keys.flag_or("correction_bias", {"use_moe_router_bias"}, true);
  moe.router.normalise_top_k = keys.flag_or("normalise_top_k", {"norm_expert_weight"}, true);
  moe.shared_intermediate =
      keys.optional_count("shared_intermediate", {"share_expert_dim", "share_expert_dims"},
                          text::kNonNegative)
          .value_or(0);
  moe.shared_experts = moe.shared_intermediate > 0 ? 1 : 0;
  keys.understood({"moe_router_scaling_factor", "need_fp32_gate", "n_shared_experts", "use_moe",
                   "moe_every_n_layer", "moe_layer_offset"});
  const std::int64_t layers = read_layer_count(keys);
  const std::vector<bool> is_moe = read_moe_layers(keys, layers);
  const DenseFfn dense = read_dense_where_needed(keys, is_moe, {"intermediate_size"});
  const std::vector<bool> slides = read_sliding(keys, layers);
  for (std::size_t i = 0; i < slides.size(); ++i) {
    architecture.layers.push_back({slides[i] ? sliding : full, is_moe[i] ? Ffn(moe) : Ffn(dense)});
  }
  warn_about_prediction_layers(keys);
  if (keys.flag_or("head_gate", {"use_head_wise_attn_gate"}, false)) {
    keys.warn("the gate on each attention head (hidden x heads weights a layer) is not counted");
  }
}

}  // namespace moeplan::models
