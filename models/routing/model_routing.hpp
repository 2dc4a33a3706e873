#pragma once
// ModelRouting: the routing of every MoE layer of a model, prepared once and shared by all
// candidates; layers that are alike share one Routing, so that a cost is worked out once for them.

#include <cstdint>
#include <memory>
#include <vector>

#include "models/routing/group_limit.hpp"
#include "models/routing/router_change.hpp"
#include "models/routing/routing.hpp"

namespace moeplan::models {

// An MoE layer as routing sees it.
struct RoutedLayer {
  std::int64_t index = 0;  // among all layers of the model, 0-based
  std::int64_t experts = 0;
  std::int64_t top_k = 0;
  GroupLimit limit = {};
  GateRule gates = {};
  friend bool operator==(const RoutedLayer&, const RoutedLayer&) = default;
};

class ModelRouting {
 public:
  // No MoE layers: a dense model.
  ModelRouting() = default;
  // [MoE layers], in order of execution; equal pointers are layers that are alike.
  explicit ModelRouting(std::vector<std::shared_ptr<const Routing>> layers);

  // As the Routing of the same name, for every layer. uniform and power_law: layers of equal shape
  // are alike (popularity is dealt to the same experts); dirichlet: every layer has its own draw.
  static ModelRouting uniform(const std::vector<RoutedLayer>& layers);
  static ModelRouting power_law(const std::vector<RoutedLayer>& layers, double alpha);
  static ModelRouting dirichlet(const std::vector<RoutedLayer>& layers, double concentration,
                                std::uint64_t seed);

  std::size_t layers() const { return layers_.size(); }
  // Routing of MoE layer i (0-based among the MoE layers).
  const Routing& layer(std::size_t i) const { return *layers_[i]; }
  const std::shared_ptr<const Routing>& shared(std::size_t i) const { return layers_[i]; }
  // [MoE layers], 0, 1, ... : the same number for layers that are alike, by first appearance.
  std::vector<std::size_t> kinds() const;

  // Every layer pruned to `kept` experts (Routing::pruned); `kept` equal to a layer's experts
  // leaves that layer as it is. Throws: std::logic_error as Routing::pruned.
  ModelRouting pruned(RouterMode mode, std::int64_t kept, std::int64_t groups = 1) const;
  // groups: [MoE layers].
  ModelRouting pruned(RouterMode mode, std::int64_t kept,
                      const std::vector<std::int64_t>& groups) const;

 private:
  std::vector<std::shared_ptr<const Routing>> layers_;
};

// Busiest expert over the mean, over the layers of a model.
struct SkewStatistics {
  double median = 1.0;          // over layers
  double worst = 1.0;           //
  std::size_t worst_layer = 0;  // among the MoE layers
};

// Throws: std::logic_error for a model without MoE layers.
SkewStatistics skew_statistics(const ModelRouting& routing);

}  // namespace moeplan::models
