// DBRX: every layer MoE; the experts are described in ffn_config, the KV heads in attn_config.
// Both sub-configs also carry transformers' own defaults (tie_word_embeddings, top_k: 50), which
// mean nothing: everything else is read before they are entered.
// Norms are LayerNorm without bias, counted as RMSNorm: the same weights.
// Source: transformers, models/dbrx/{configuration,modeling}_dbrx.py.

#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

// What is E_MISSING without the sub-config.
void enter_or_complain(HfKeys& keys, const std::string& section) {
  if (!keys.enter(section)) {
    keys.missing(section, {section});
  }
}

}  // namespace

void read_dbrx(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, false);
  const std::int64_t layers = read_layer_count(keys);
  keys.understood({"router_aux_loss_coef", "output_router_logits"});
  enter_or_complain(keys, "attn_config");
  const GroupedQueryAttention attention =
      read_grouped_query(keys, architecture, HeadDim::hidden_over_heads, false);
  enter_or_complain(keys, "ffn_config");
  MoeFfn moe;
  read_experts(keys, moe, {"ffn_hidden_size"});
  // An order p of a norm; null leaves the weights as they are.
  moe.router.normalise_top_k =
      keys.optional_count("normalise_top_k", {"moe_normalize_expert_weights"}).has_value();
  keys.understood({"moe_jitter_eps", "moe_loss_weight", "uniform_expert_assignment"});
  add_layers(architecture, layers, attention, layer_windows(keys, layers, std::nullopt, 0),
             [&](std::int64_t) -> Ffn { return moe; });
}

}  // namespace moeplan::models
