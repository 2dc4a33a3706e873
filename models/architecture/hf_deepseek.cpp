// DeepSeek V2 and V3 (and Kimi-K2, which has V3's shape): latent attention, shared experts, the
// first layers dense.

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

}  // namespace

void read_scored_moe(HfKeys& keys, MoeFfn& moe, const char* scoring, const char* method,
                     bool normalise) {
  read_experts(keys, moe, {"moe_intermediate_size"});
  read_router(keys, moe, scoring, method, normalise);
  moe.shared_experts =
      keys.optional_count("shared_experts", {"n_shared_experts"}, text::kNonNegative).value_or(0);
  set_shared_width(keys, moe, "n_shared_experts");
}

namespace {

void read_deepseek(HfKeys& keys, SmoeArchitecture& architecture, const char* scoring,
                   const char* method, bool normalise) {
  read_head(keys, architecture, false);
  const LatentAttention attention = read_latent(keys);
  MoeFfn moe;
  read_scored_moe(keys, moe, scoring, method, normalise);
  const std::int64_t layers = read_layer_count(keys);
  const std::vector<bool> is_moe = read_first_k_dense(keys, layers);
  const DenseFfn dense = read_dense_where_needed(keys, is_moe, {"intermediate_size"});
  keys.understood({"routed_scaling_factor", "ep_size", "aux_loss_alpha", "seq_aux"});
  warn_about_prediction_layers(keys);
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
