#pragma once
// Our own architecture file, for models that have no Hugging Face config (the paper's GPT-2 with
// alternate MoE layers). The README of models/data/architectures documents its keys.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"
#include "models/text/node.hpp"

namespace moeplan::models {

inline constexpr const char* kArchitectureSchema = "moeplan.architecture";

// True when the document says it is one of ours (it has the key schema).
bool is_architecture_yaml(const text::Document& document);

// experts: another number than the file's, for a family in one file (must be one of moe.variants).
// Throws: InputError with all problems of the file; also without a source, for unknown keys, and
// for the contradictions that hf_config.hpp lists.
SmoeArchitecture read_architecture_yaml(const text::Document& document, const std::string& name,
                                        std::optional<std::int64_t> experts = std::nullopt);

// moe.variants: expert counts that the catalog offers as <stem>-<experts>e; empty when absent.
std::vector<std::int64_t> architecture_variants(const text::Document& document);

}  // namespace moeplan::models
