// Switch Transformers and NLLB-MoE: encoder-decoders. layers[0, encoder_layers) are the encoder,
// the others the decoder, each with cross-attention. Both stacks are counted; serving is not
// modelled (SmoeArchitecture::why_not_served).
// Source: transformers, models/{switch_transformers,nllb_moe}/{configuration,modeling}_*.py.

#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

constexpr text::Range kLayerRange{.low = 1.0, .high = 10000.0};

struct Stack {
  std::int64_t layers = 0;
  std::vector<bool> is_moe;
  GroupedQueryAttention attention;
  MoeFfn moe;
  DenseFfn dense;
};

void add_stack(SmoeArchitecture& architecture, const Stack& stack, bool decoder) {
  for (const bool moe : stack.is_moe) {
    architecture.layers.push_back(
        {stack.attention, moe ? Ffn(stack.moe) : Ffn(stack.dense), decoder});
  }
}

void add_stacks(HfKeys& keys, SmoeArchitecture& architecture, const Stack& encoder,
                const Stack& decoder) {
  add_stack(architecture, encoder, false);
  architecture.encoder_layers = static_cast<std::size_t>(encoder.layers);
  add_stack(architecture, decoder, true);
  if (const auto reason = architecture.why_not_served(); reason && keys.ok()) {
    keys.warn(*reason);
  }
}

// i % step == 1 or step == 1, step = layers / sparse layers.
void place_switch_experts(HfKeys& keys, Stack& stack, const std::string& key, const char* field) {
  const std::int64_t sparse = keys.count_or(field, {key}, 3);
  if (sparse > stack.layers) {
    keys.conflict({key}, fmt::format("{} {} > {} layers", key, sparse, stack.layers),
                  fmt::format("0 to {}", stack.layers));
  }
  const std::int64_t step = sparse > 0 ? stack.layers / sparse : 0;
  for (std::int64_t i = 0; i < stack.layers; ++i) {
    stack.is_moe.push_back(step > 0 && (i % step == 1 || step == 1));
  }
}

// (i + 1) % sparse_step == 0; step 0: no experts.
void place_nllb_experts(HfKeys& keys, Stack& stack, const std::string& side) {
  const std::int64_t step = keys.count_or(side + "_moe_layer_interval", {side + "_sparse_step"}, 4);
  for (std::int64_t i = 0; i < stack.layers; ++i) {
    stack.is_moe.push_back(step > 0 && (i + 1) % step == 0);
  }
}

// The config states no top-k. Capacity is a number of tokens per expert and batch row, not a
// factor.
void read_implied_router(HfKeys& keys, MoeFfn& moe, std::int64_t top_k) {
  moe.experts = keys.count("experts", expert_count_names(), {.low = 1.0, .high = 1e6});
  moe.top_k = top_k;
  keys.derive("top_k", fmt::format("{} (implied by the family)", top_k));
  moe.gated = false;
  moe.router.normalise_top_k = top_k > 1;
  moe.router.bias = keys.flag_or("router_bias", {"router_bias"}, false);
  if (moe.experts > 0 && top_k > moe.experts) {
    keys.conflict(expert_count_names(), fmt::format("top_k {} > {} experts", top_k, moe.experts),
                  fmt::format("at least {} experts", top_k));
  }
  if (const auto capacity = keys.optional_count("expert_capacity", {"expert_capacity"})) {
    keys.warn(
        fmt::format("expert_capacity {} (tokens per expert) is not modelled: no drops", *capacity));
  }
  keys.understood({"router_dtype", "router_jitter_noise", "router_ignore_padding_tokens",
                   "router_z_loss_coef", "router_aux_loss_coef", "add_router_probs",
                   "output_router_logits", "batch_prioritized_routing", "moe_token_dropout",
                   "moe_eval_capacity_token_fraction", "second_expert_policy",
                   "normalize_router_prob_before_dropping", "router_type", "num_selected_experts"});
}

}  // namespace

void read_switch(HfKeys& keys, SmoeArchitecture& architecture) {
  architecture.hidden = keys.count("hidden", {"d_model", "hidden_size"});
  architecture.vocabulary = keys.count("vocabulary", {"vocab_size"});
  // Relative positions have no limit; 512 is the length of pretraining (Fedus et al. 2021).
  architecture.max_positions = keys.count_or("max_positions", {"n_positions"}, 512);
  architecture.tied_embeddings = keys.flag_or("tied_embeddings", {"tie_word_embeddings"}, true);
  Stack encoder;
  encoder.attention = read_grouped_query(keys, architecture, HeadDim::own, true);
  read_implied_router(keys, encoder.moe, 1);
  encoder.moe.intermediate = keys.count("expert_intermediate", {"d_ff"});
  encoder.dense = {.intermediate = encoder.moe.intermediate, .gated = false};
  Stack decoder = encoder;
  encoder.layers = keys.count("encoder_layers", {"num_layers", "num_hidden_layers"}, kLayerRange);
  decoder.layers =
      keys.count_or("decoder_layers", {"num_decoder_layers"}, encoder.layers, kLayerRange);
  place_switch_experts(keys, encoder, "num_sparse_encoder_layers", "encoder_moe_layers");
  place_switch_experts(keys, decoder, "num_sparse_decoder_layers", "decoder_moe_layers");
  keys.understood({"encoder_sparse_step", "decoder_sparse_step"});  // follow from the counts
  add_stacks(keys, architecture, encoder, decoder);
}

void read_nllb_moe(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, true);
  architecture.layer_norm = true;
  Stack stacks[2];
  for (const bool decoder : {false, true}) {
    const std::string side = decoder ? "decoder" : "encoder";
    Stack& stack = stacks[decoder ? 1 : 0];
    stack.layers = keys.count(side + "_layers", {side + "_layers"}, kLayerRange);
    GroupedQueryAttention& attention = stack.attention;
    attention.heads = keys.count(side + "_heads", {side + "_attention_heads"});
    attention.kv_heads = attention.heads;
    attention.qkv_bias = true;
    attention.output_bias = true;
    if (attention.heads > 0 && architecture.hidden % attention.heads != 0) {
      keys.conflict({side + "_attention_heads"},
                    fmt::format("d_model {} is not divisible by {}_attention_heads {}",
                                architecture.hidden, side, attention.heads),
                    "a divisor of d_model");
    } else if (attention.heads > 0) {
      attention.head_dim = architecture.hidden / attention.heads;
    }
    read_implied_router(keys, stack.moe, 2);
    stack.moe.bias = true;
    stack.moe.intermediate = keys.count(side + "_expert_intermediate", {side + "_ffn_dim"});
    stack.dense = {.intermediate = stack.moe.intermediate, .gated = false, .bias = true};
    place_nllb_experts(keys, stack, side);
  }
  keys.understood({"num_hidden_layers"});
  add_stacks(keys, architecture, stacks[0], stacks[1]);
}

}  // namespace moeplan::models
