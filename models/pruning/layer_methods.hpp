#pragma once
// Private to models/pruning: the methods, layer by layer (pruning_plan.hpp says what each does).

#include <cstdint>
#include <vector>

#include "models/pruning/plan_pruning.hpp"

namespace moeplan::models {

struct LayerTask {
  const LayerInput* input = nullptr;
  PruningMethod method = PruningMethod::uncurl;
  int kmeans_starts = 10;
  std::uint64_t seed = 1;  // of this layer
};

// The layer pruned to `count` experts; all kept: every expert as it is.
// Throws: PruningError, std::invalid_argument (without the layer's name).
LayerPlan prune_layer(const LayerTask& task, std::int64_t count);

// [experts], descending: what a global budget compares between layers (Budget::global).
std::vector<double> global_scores(const LayerTask& task);

}  // namespace moeplan::models
