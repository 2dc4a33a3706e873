#pragma once
// Import of aiconfigurator's kernel tables (CSV): fused MoE calls, dense products, attention,
// latent-attention blocks (mla_row.hpp), collectives, expert exchanges (deepep.hpp). The kind of a
// file is known from its columns; both the project's own names and the renamed ones (message_bytes,
// latency_ms) are read. Further
// columns are ignored. Source: github.com/ai-dynamo/aiconfigurator, collector/ (0.24 generation of
// tables).

#include <filesystem>
#include <string>

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// Traps taken care of: latency is in ms; message_size is in elements; num_tokens counts the whole
// expert-parallel group; num_key_value_heads 0 means num_heads; layers of known models without a
// gate have two matrices; `uniform` (expert compute under wide expert parallelism, kernel source
// deepepmoe) gives every local expert its share of the group's pairs.
// Throws: InputError (all bad rows of the file, with line): E_MISSING for a file whose columns fit
// no kind (lists the kinds), E_VALUE for unknown precisions or operations, E_RANGE for durations
// <= 0 and shapes that do not divide, E_DUPLICATE for equal rows with different durations.
models::Measurements import_aiconfigurator(const std::filesystem::path& path);
// The same for text in memory; `file` names it in errors.
models::Measurements parse_aiconfigurator(const std::string& content, const std::string& file);

}  // namespace moeplan::calibrate
