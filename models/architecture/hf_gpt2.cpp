// GPT-2: learned positions, LayerNorm, biases everywhere, a two-matrix FFN.

#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {

void read_gpt2(HfKeys& keys, SmoeArchitecture& architecture) {
  read_head(keys, architecture, true);
  architecture.learned_positions = true;
  architecture.layer_norm = true;
  GroupedQueryAttention attention =
      read_grouped_query(keys, architecture, HeadDim::hidden_over_heads, true);
  attention.qkv_bias = true;
  attention.output_bias = true;
  DenseFfn ffn;
  ffn.gated = false;
  ffn.bias = true;
  if (const auto inner = keys.optional_count("intermediate", {"n_inner"})) {
    ffn.intermediate = *inner;
  } else if (architecture.hidden <= INT64_MAX / 4) {
    ffn.intermediate = 4 * architecture.hidden;
    keys.derive("intermediate", fmt::format("4 n_embd = {} (no n_inner)", ffn.intermediate));
  }
  const std::int64_t layers = read_layer_count(keys);
  add_layers(architecture, layers, attention, layer_windows(keys, layers, std::nullopt, 0),
             [&](std::int64_t) -> Ffn { return ffn; });
}

}  // namespace moeplan::models
