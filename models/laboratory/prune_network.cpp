#include "models/laboratory/prune_network.hpp"

#include "models/pruning/merge_layer.hpp"
#include "models/pruning/pruned_router.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {

PruningPlan network_plan(std::span<const RouterStatistics> statistics,
                         const PruningOptions& options) {
  std::vector<LayerInput> layers;
  for (std::size_t l = 0; l < statistics.size(); ++l) {
    layers.push_back({.layer = static_cast<std::int64_t>(l),
                      .experts = statistics[l].experts(),
                      .top_k = 1,
                      .groups = 1,
                      .statistics = statistics[l]});
  }
  return plan_pruning(layers, options);
}

Network prune_network(const Network& network, const PruningPlan& plan) {
  require(plan.layers.size() == network.layers.size(), "a plan has every layer of the network");
  require(plan.router != RouterMode::merged_logits, "a network's router has an output per expert");
  Network pruned = network;
  for (std::size_t l = 0; l < plan.layers.size(); ++l) {
    const SmoeLayer& before = network.layers[l];
    SmoeLayer& after = pruned.layers[l];
    after.experts = merge_layer(plan.layers[l], before.experts, 1).experts;
    after.router =
        pruned_router({before.router, {}, {}}, plan.layers[l], plan.router, plan.seed).weight;
  }
  return pruned;
}

}  // namespace moeplan::models
