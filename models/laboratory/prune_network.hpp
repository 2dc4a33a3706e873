#pragma once
// prune_network: what `moeplan prune` does to a checkpoint, done to a Network in memory by the same
// parts of models/pruning.

#include <cstdint>
#include <span>

#include "models/laboratory/network.hpp"
#include "models/pruning/plan_pruning.hpp"

namespace moeplan::models {

// statistics: [layers], of the task's samples. Routers: reinitialised or sliced.
// Throws: PruningError, as plan_pruning; std::logic_error for merged_logits.
PruningPlan network_plan(std::span<const RouterStatistics> statistics,
                         const PruningOptions& options);
Network prune_network(const Network& network, const PruningPlan& plan);

}  // namespace moeplan::models
