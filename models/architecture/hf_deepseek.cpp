// DeepSeek V2 and V3 (and Kimi-K2, which has V3's shape): latent attention, shared experts, the
// first layers dense. Layer i is MoE when i >= first_k_dense_replace and i % moe_layer_freq == 0,
// or where the per-layer list moe_layer_freq (MiMo) has 1.

#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

LatentAttention read_latent(HfKeys& keys) {
  LatentAttention attention;
  attention.heads = keys.count("heads", {"num_attention_heads"});
  attention.q_lora_rank = keys.optional_count("q_lora_rank", {"q_lora_rank"});
  attention.kv_lora_rank = keys.count("kv_lora_rank", {"kv_lora_rank"});
  attention.qk_nope_head_dim = keys.count("qk_nope_head_dim", {"qk_nope_head_dim"});
  attention.qk_rope_head_dim = keys.count("qk_rope_head_dim", {"qk_rope_head_dim"});
  attention.v_head_dim = keys.count("v_head_dim", {"v_head_dim"});
  const std::int64_t qk = attention.qk_nope_head_dim + attention.qk_rope_head_dim;
  const auto check = [&](const char* key, bool right, std::int64_t value) {
    if (!right) {
      keys.conflict({key},
                    fmt::format("{} {} conflicts with qk_nope_head_dim {} + qk_rope_head_dim {}",
                                key, value, attention.qk_nope_head_dim, attention.qk_rope_head_dim),
                    fmt::format("{}", qk));
    }
  };
  if (const auto stated = keys.optional_count("qk_head_dim", {"qk_head_dim"})) {
    check("qk_head_dim", *stated == qk, *stated);
  }
  // transformers 5 writes the rotary part here.
  if (const auto stated = keys.optional_count("head_dim", {"head_dim"})) {
    check("head_dim", *stated == qk || *stated == attention.qk_rope_head_dim, *stated);
  }
  if (keys.flag_or("attention_bias", {"attention_bias"}, false)) {
    keys.warn("attention_bias of latent attention is not counted");
  }
  return attention;
}

// [layers], true where there are experts.
std::vector<bool> read_moe_layers(HfKeys& keys, std::int64_t layers) {
  std::vector<bool> is_moe(static_cast<std::size_t>(layers), true);
  const HfNames first_names = {"first_k_dense_replace"};
  const std::int64_t first = keys.count_or("first_moe_layer", first_names, 0);
  if (layers > 0 && first > layers) {
    keys.conflict(first_names,
                  fmt::format("first_k_dense_replace {} > num_hidden_layers {}", first, layers),
                  fmt::format("0 to {}", layers));
    return is_moe;
  }
  const HfNames names = {"moe_layer_freq"};
  const auto found = keys.find(names);
  const bool list = found && found->node->kind == text::Kind::sequence;
  const std::vector<std::int64_t> flags =
      list ? keys.counts("moe_layer_interval", names).value_or(std::vector<std::int64_t>{})
           : std::vector<std::int64_t>{};
  if (list && static_cast<std::int64_t>(flags.size()) != layers) {
    keys.conflict(
        names,
        fmt::format("moe_layer_freq has {} entries, num_hidden_layers is {}", flags.size(), layers),
        fmt::format("{} entries of 0 or 1", layers));
    return is_moe;
  }
  const std::int64_t step =
      list ? 1 : keys.count_or("moe_layer_interval", names, 1, text::kPositive);
  for (std::int64_t i = 0; i < layers; ++i) {
    const auto index = static_cast<std::size_t>(i);
    is_moe[index] = i >= first && (list ? flags[index] != 0 : step > 0 && i % step == 0);
  }
  return is_moe;
}

void read_router(HfKeys& keys, MoeFfn& moe, const char* scoring, const char* method,
                 bool normalise) {
  Router& router = moe.router;
  router.normalise_top_k = keys.flag_or("normalise_top_k", {"norm_topk_prob"}, normalise);
  const std::string score = keys.word_or("router_scoring", {"scoring_func"}, scoring);
  if (score == "sigmoid") {
    router.scoring = RouterScoring::sigmoid;
  } else if (score != "softmax") {
    keys.conflict({"scoring_func"}, fmt::format("unknown scoring_func '{}'", score),
                  "softmax, sigmoid", did_you_mean(score, {"softmax", "sigmoid"}));
  }
  const std::string top = keys.word_or("router_method", {"topk_method"}, method);
  router.correction_bias = top == "noaux_tc";
  if (top == "greedy") {
    keys.understood({"n_group", "topk_group"});  // not used
  } else if (top == "noaux_tc" || top == "group_limited_greedy") {
    read_groups(keys, moe);
  } else {
    keys.conflict({"topk_method"}, fmt::format("unknown topk_method '{}'", top),
                  "greedy, group_limited_greedy, noaux_tc",
                  did_you_mean(top, {"greedy", "group_limited_greedy", "noaux_tc"}));
  }
}

void read_deepseek(HfKeys& keys, SmoeArchitecture& architecture, const char* scoring,
                   const char* method, bool normalise) {
  read_head(keys, architecture, false);
  const LatentAttention attention = read_latent(keys);
  MoeFfn moe;
  read_experts(keys, moe, {"moe_intermediate_size"});
  read_router(keys, moe, scoring, method, normalise);
  moe.shared_experts =
      keys.optional_count("shared_experts", {"n_shared_experts"}, text::kNonNegative).value_or(0);
  if (!__builtin_mul_overflow(moe.shared_experts, moe.intermediate, &moe.shared_intermediate)) {
    keys.derive("shared_intermediate", "n_shared_experts x moe_intermediate_size");
  } else {
    keys.overflow("n_shared_experts x moe_intermediate_size is above 2^63 - 1");
  }
  const std::int64_t layers = read_layer_count(keys);
  const std::vector<bool> is_moe = read_moe_layers(keys, layers);
  DenseFfn dense;
  for (const bool moe_layer : is_moe) {
    if (!moe_layer && dense.intermediate == 0 && keys.ok()) {
      dense.intermediate = keys.count("dense_intermediate", {"intermediate_size"});
    }
  }
  keys.understood({"routed_scaling_factor", "ep_size", "aux_loss_alpha", "seq_aux"});
  const auto predicted =
      keys.optional_count("prediction_layers", {"num_nextn_predict_layers"}, text::kNonNegative);
  if (predicted.value_or(0) > 0) {
    keys.warn(
        fmt::format("{} multi-token-prediction layer(s) of the checkpoint are not counted: "
                    "engines load them for speculative decoding only",
                    *predicted));
  }
  for (std::int64_t i = 0; i < layers; ++i) {
    architecture.layers.push_back(
        {attention, is_moe[static_cast<std::size_t>(i)] ? Ffn(moe) : Ffn(dense)});
  }
}

}  // namespace

void read_deepseek_v2(HfKeys& keys, SmoeArchitecture& architecture) {
  read_deepseek(keys, architecture, "softmax", "greedy", false);
}

void read_deepseek_v3(HfKeys& keys, SmoeArchitecture& architecture) {
  read_deepseek(keys, architecture, "sigmoid", "noaux_tc", true);
}

}  // namespace moeplan::models
