#pragma once
// What `moeplan inspect model X` prints: what we understood of a model, layer by layer, and from
// which key of its file. Equal layers are one row. Prints nothing itself.

#include <optional>
#include <string>
#include <vector>

#include "app/inspect_page.hpp"
#include "models/architecture/counts.hpp"
#include "models/architecture/smoe_architecture.hpp"

namespace moeplan::app {

struct InspectModelOptions {
  std::optional<models::Precision> precision;  // of the weights; else what the file states
  models::Precision kv_precision = models::Precision::bf16;
  models::RankLayout layout;  // of the "per GPU" column
  std::int64_t context_tokens =
      4096;  // that a token attends to, for the FLOPs; at most max_positions
};

// JSON keys carry their unit (weight_bytes, kv_bytes_per_token); numbers of a layers[] entry are
// those of ONE layer. CSV has one row per group of equal layers.
Page inspect_model(const models::SmoeArchitecture& architecture,
                   const InspectModelOptions& options);

// "0-47", "0, 2, ..., 22" or "0-2, 7": indices in ascending order.
std::string layer_range(const std::vector<std::size_t>& layers);

}  // namespace moeplan::app
