#pragma once
// Reads a Hugging Face config.json (or YAML of the same keys) into a SmoeArchitecture. Only keys
// that cost time or memory are used; every field remembers the key it came from, and an unread key
// that looks like mixture-of-experts is a warning, never silently dense.
// Lookup order: text_config before the top level, synonyms as in hf_keys.hpp.

#include <string>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"
#include "models/text/node.hpp"

namespace moeplan::models {

// model_type values that are understood, sorted.
const std::vector<std::string>& hf_model_types();

// name: what reports call it (catalog id or file stem).
// Throws: InputError with all problems: E_VALUE unknown model_type or quant_method, values that
// contradict each other (hidden_size % heads, head_dim, layer lists, top_k > experts); E_MISSING
// naming every synonym looked for; E_TYPE, E_RANGE; E_OVERFLOW naming the product.
SmoeArchitecture read_hf_config(const text::Document& document, const std::string& name);

}  // namespace moeplan::models
