#pragma once
// ExpertLayers: the MoE layers of a deployment, those that are alike together: their experts, how
// tokens spread over them, and which rank holds which. Prepared once per design.

#include <memory>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"
#include "models/routing/placement.hpp"
#include "models/routing/routed_model.hpp"

namespace moeplan::sim {

struct ExpertLayers {
  models::MoeFfn moe;                              // pruned
  double count = 0.0;                              // of layers
  std::shared_ptr<const models::Routing> routing;  // by expert
  std::shared_ptr<const models::Routing> placed;   // by slot: Routing::placed, never nullptr
  models::Placement placement = models::Placement::contiguous(1, 1);
  std::int64_t local_experts() const { return placement.most_slots(); }
};

// Layers of equal shape and equal routing together, by first appearance.
// architecture: pruned, or a part of it; routing: of the whole model's MoE layers, of which the
// architecture's begin with number `first`; ranks: that hold different whole experts.
// balanced: every kind of layer by its own loads. Throws: std::logic_error where routing is of
// other layers, or the placement is impossible.
std::vector<ExpertLayers> expert_layers(const models::SmoeArchitecture& architecture,
                                        const models::ModelRouting& routing, std::size_t first,
                                        int ranks, models::PlacementRule rule,
                                        std::int64_t redundant);

}  // namespace moeplan::sim
