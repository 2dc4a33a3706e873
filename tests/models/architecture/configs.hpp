#pragma once
// Realistic config.json texts: all keys that published files carry, most of which cost nothing.

#include <string>

#include "models/architecture/smoe_architecture.hpp"

namespace moeplan::tests {

// The full key set of a Qwen3-30B-A3B config as transformers 4.51 writes it.
std::string full_qwen3_moe();
// Of Mixtral-8x7B (transformers 4.36).
std::string full_mixtral();
// Of a Llama 3.1 8B.
std::string full_llama();
// Of DeepSeek-V3, block fp8.
std::string full_deepseek_v3();

// `text` with the first occurrence of `from` replaced; a test error when it is not there.
std::string with(std::string text, const std::string& from, const std::string& to);
// `text` without the whole line that holds `part`.
std::string without_line(const std::string& text, const std::string& part);

// Reads JSON text as "config.json".
models::SmoeArchitecture read_config(const std::string& json);

// The experts or the grouped queries of a layer. Throws: std::bad_variant_access for another kind.
inline const models::MoeFfn& moe_of(const models::SmoeArchitecture& a, std::size_t layer) {
  return std::get<models::MoeFfn>(a.layers.at(layer).ffn);
}
inline const models::GroupedQueryAttention& gqa_of(const models::SmoeArchitecture& a,
                                                   std::size_t layer = 0) {
  return std::get<models::GroupedQueryAttention>(a.layers.at(layer).attention);
}

}  // namespace moeplan::tests
