#pragma once
// A Network as a checkpoint: a whole Qwen3-MoE model in the Hugging Face layout, whose attention
// adds nothing (o_proj is 0), so that transformers, given the inputs as inputs_embeds of one
// position, has the same logits; and router logits as `moeplan prune --router-data` reads them.

#include <filesystem>
#include <vector>

#include "models/laboratory/network.hpp"

namespace moeplan::models {

// Into an existing, empty directory: config.json, model.safetensors (F32). Throws:
// std::system_error.
void write_network(const std::filesystem::path& directory, const Network& network);

// What write_network wrote, bit for bit; also after `moeplan prune` to equal counts.
// Throws: InputError: as ModelFiles; a model of another family or form.
Network read_network(const std::filesystem::path& directory);

// logits: [layers], each [tokens x experts].
void write_router_data(const std::filesystem::path& file, const std::vector<FloatMatrix>& logits);

}  // namespace moeplan::models
