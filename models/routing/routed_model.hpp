#pragma once
// RoutedModel: the routing of a model at every number of experts that a plan keeps, prepared once
// and shared by all designs; with what pruning did to its routers.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "models/routing/model_routing.hpp"

namespace moeplan::models {

// router_change over all MoE layers, for the report.
struct RouterEffect {
  RouterMode mode = RouterMode::sliced;
  SkewStatistics unpruned;
  SkewStatistics pruned;
  double top_k = 0.0;            // of the layer below
  double effective_top_k = 0.0;  // different experts per token, of the layer that loses most
  // Of the layer that is scaled most; nullopt: routers trained anew. See RouterChange.
  std::optional<double> output_scale;

  bool loses_experts() const { return effective_top_k < top_k * (1.0 - 1e-6); }
  bool scales_output() const { return output_scale && *output_scale > 1.0 + 1e-6; }
};

struct PrunedModel {
  ModelRouting routing;
  std::optional<RouterEffect> effect;  // nullopt: no layer lost an expert
};

class RoutedModel {
 public:
  RoutedModel() = default;  // a dense model
  // layers: [MoE layers] as pretrained, as routing has them. kept: the counts to prepare; those
  // that top_k or a router's groups forbid are left out.
  // Throws: std::logic_error when routing is not of these layers.
  RoutedModel(std::vector<RoutedLayer> layers, ModelRouting unpruned, RouterMode mode,
              const std::vector<std::int64_t>& kept);

  const std::vector<RoutedLayer>& layers() const { return layers_; }
  const ModelRouting& unpruned() const { return unpruned_; }
  // `kept` experts in every MoE layer; worked out now unless prepared. Never nullptr.
  // Throws: std::logic_error as Routing::pruned.
  std::shared_ptr<const PrunedModel> at(std::int64_t kept) const;
  // From now on, `kept` experts are this routing, whose counts may differ from layer to layer;
  // anchors: [MoE layers][kept], the experts whose columns stayed.
  // Throws: std::logic_error when there is not one routing and list of anchors per MoE layer.
  void set(std::int64_t kept, ModelRouting routing,
           const std::vector<std::vector<ExpertId>>& anchors);

 private:
  PrunedModel prune(std::int64_t kept) const;
  PrunedModel with_effect(ModelRouting routing,
                          const std::vector<std::vector<ExpertId>>& anchors) const;

  std::vector<RoutedLayer> layers_;
  ModelRouting unpruned_;
  RouterMode mode_ = RouterMode::sliced;
  std::map<std::int64_t, std::shared_ptr<const PrunedModel>> prepared_;
};

}  // namespace moeplan::models
