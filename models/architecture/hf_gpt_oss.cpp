// gpt-oss: every layer MoE (intermediate_size is the width of one expert), biases everywhere,
// windowed and full attention in turn, experts in MXFP4. The router takes the softmax over the
// chosen experts, so their weights add up to one.
// Source: OpenAI, gpt-oss-120b & gpt-oss-20b Model Card, arXiv:2508.10925, section 2.

#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

// Without layer_types even layers are windowed (transformers GptOssConfig).
std::vector<std::optional<std::int64_t>> read_windows(HfKeys& keys, std::int64_t layers) {
  const std::optional<std::int64_t> window = keys.optional_count("window", {"sliding_window"});
  if (keys.find({"layer_types"})) {
    return layer_windows(keys, layers, window, 0);
  }
  std::vector<std::optional<std::int64_t>> windows(static_cast<std::size_t>(layers));
  for (std::size_t i = 0; i < windows.size(); i += 2) {
    windows[i] = window;
  }
  keys.derive("layer_types", "even layers windowed (model class default, no layer_types)");
  return windows;
}

}  // namespace

void read_gpt_oss(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  require_head_dim(keys);
  GroupedQueryAttention attention = read_grouped_query(keys, architecture, HeadDim::own, false);
  attention.qkv_bias = keys.flag_or("attention_bias", {"attention_bias"}, true);
  attention.output_bias = attention.qkv_bias;
  MoeFfn moe;
  read_experts(keys, moe, {"intermediate_size"});
  moe.bias = true;
  moe.router.bias = true;
  moe.router.normalise_top_k = true;
  keys.derive("normalise_top_k", "true (always, in gpt_oss)");
  keys.understood({"router_aux_loss_coef", "output_router_logits"});
  const std::int64_t layers = read_layer_count(keys);
  add_layers(architecture, layers, attention, read_windows(keys, layers),
             [&](std::int64_t) -> Ffn { return moe; });
  keys.warn("attention sinks (one learned logit per head and layer) are not counted");
}

}  // namespace moeplan::models
