#pragma once
// PlannedPruning: what `moeplan prune` decided for the scenario's model, as a candidate of the
// plan: experts per layer, the router's mode, and the routing that the task data gave.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"
#include "models/pruning/plan_json.hpp"
#include "models/routing/routed_model.hpp"

namespace moeplan::sim {

struct PlannedPruning {
  models::PrunedModelFile plan;
  std::string sha256;  // of the file's bytes
  // What the candidate is called: the count of every layer, or the mean where they differ, rounded.
  std::int64_t experts_kept = 0;
  std::vector<std::int64_t> per_layer;  // [layers of the model], 0 for dense ones
};

// Throws: InputError as read_pruning_plan, and E_VALUE for a plan of another model: layers, counts
// of experts or top_k differ.
PlannedPruning load_planned_pruning(const std::filesystem::path& path,
                                    const models::SmoeArchitecture& architecture);

// Unpruned: from the selections of the task data. At plan.experts_kept: what the plan says:
// reinitialised: uniform; sliced: the pairs of the pruned router; merged_logits: the unpruned
// routing with members led to one expert.
models::RoutedModel planned_routing(const PlannedPruning& planned,
                                    const models::SmoeArchitecture& architecture);

}  // namespace moeplan::sim
