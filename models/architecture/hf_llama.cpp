// Dense decoders with gated FFN and RMSNorm: Llama and Mistral.

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

void read_dense(HfKeys& keys, SmoeArchitecture& architecture, HeadDim rule,
                std::optional<std::int64_t> window) {
  read_head(keys, architecture, false);
  GroupedQueryAttention attention = read_grouped_query(keys, architecture, rule, true);
  attention.qkv_bias = keys.flag_or("attention_bias", {"attention_bias"}, false);
  attention.output_bias = attention.qkv_bias;
  DenseFfn ffn;
  ffn.intermediate = keys.count("intermediate", {"intermediate_size"});
  ffn.bias = keys.flag_or("mlp_bias", {"mlp_bias"}, false);
  const std::int64_t layers = read_layer_count(keys);
  add_layers(architecture, layers, attention, layer_windows(keys, layers, window, 0),
             [&](std::int64_t) -> Ffn { return ffn; });
}

}  // namespace

// A sliding_window in a Llama config has no effect in transformers or vLLM.
void read_llama(HfKeys& keys, SmoeArchitecture& architecture) {
  read_dense(keys, architecture, HeadDim::hidden_over_heads, std::nullopt);
}

// All layers have the window, when there is one; head_dim is independent (Mistral-Nemo).
void read_mistral(HfKeys& keys, SmoeArchitecture& architecture) {
  read_dense(keys, architecture, HeadDim::own, keys.optional_count("window", {"sliding_window"}));
}

}  // namespace moeplan::models
