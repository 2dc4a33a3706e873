#pragma once
// plan_pruning: from router statistics to a PruningPlan, by one of the methods.

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/pruning/pruning_plan.hpp"
#include "models/pruning/router_statistics.hpp"

namespace moeplan::models {

// uniform: `kept` experts in every layer. global: `kept` on average: layers share kept x layers.
//   uncurl: the smallest Laplacian eigenvalues over all layers, so that the relaxed normalised cut
//     is least; others: the largest scores over all layers (selections, or reap's score, over the
//     layer's largest; random numbers).
enum class Budget { uniform, global };

// The paper finds no clusters in the first MoE layer and suggests to choose greedily or to leave
// it.
enum class FirstLayer { same, keep, greedy };

struct PruningOptions {
  PruningMethod method = PruningMethod::uncurl;
  std::int64_t kept = 0;  // experts per layer, of the mean layer with Budget::global
  Budget budget = Budget::uniform;
  FirstLayer first_layer = FirstLayer::same;
  RouterMode router = RouterMode::reinitialised;
  int kmeans_starts = 10;
  std::uint64_t seed = 1;
};

struct LayerInput {
  std::int64_t layer = 0;  // 0-based among all layers
  std::int64_t experts = 0;
  std::int64_t top_k = 1;
  // Groups of a group-limited router (n_group): contiguous, equal. Every group keeps equally many
  // experts and merges within itself, so that a token's choice of groups survives.
  std::int64_t groups = 1;
  RouterStatistics statistics;
};

// A plan that cannot be made from these inputs.
class PruningError : public std::invalid_argument {
 public:
  // layer: among all layers; nullopt: of the request as a whole.
  PruningError(std::optional<std::int64_t> layer, const std::string& what);
  std::optional<std::int64_t> layer() const { return layer_; }

 private:
  std::optional<std::int64_t> layer_;
};

// Merged experts average their members by selections; anchors are the most selected members (ties:
// the lower id). A function of the inputs and options alone.
// Throws: PruningError: statistics that do not hold (problem_of); kept below top_k or above the
// experts; groups that do not divide it; an expert that would be kept, or a cluster, that no token
// chose; fewer clusters than asked for; reap without norms; dropped experts with merged_logits.
PruningPlan plan_pruning(std::span<const LayerInput> layers, const PruningOptions& options);

}  // namespace moeplan::models
