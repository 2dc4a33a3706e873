#include "sim/scenario/planned_pruning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "models/text/load.hpp"
#include "sim/scenario/expert_routing.hpp"

namespace moeplan::sim {
namespace {

using models::Routing;

Routing from_pairs(const std::vector<std::int64_t>& pairs, std::int64_t top_k) {
  double sum = 0.0;
  for (const std::int64_t count : pairs) {
    sum += static_cast<double>(count);
  }
  std::vector<double> inclusion;
  for (const std::int64_t count : pairs) {
    inclusion.push_back(
        std::min(1.0, static_cast<double>(count) / sum * static_cast<double>(top_k)));
  }
  return Routing::from_inclusion(std::move(inclusion), top_k);
}

Routing pruned(const Routing& before, const models::PrunedLayer& layer, models::RouterMode mode) {
  switch (mode) {
    case models::RouterMode::reinitialised:
      return before.reinitialised(static_cast<std::int64_t>(layer.plan.kept.size()));
    case models::RouterMode::sliced:
      return from_pairs(layer.routing.pairs, layer.top_k);
    case models::RouterMode::merged_logits: {
      std::vector<ExpertId> clusters;
      for (const auto& index : layer.plan.kept_index()) {
        clusters.emplace_back(index.value());
      }
      return before.merged(clusters);
    }
  }
  throw std::logic_error("unknown router mode");
}

}  // namespace

PlannedPruning load_planned_pruning(const std::filesystem::path& path,
                                    const models::SmoeArchitecture& architecture) {
  PlannedPruning planned{.plan = models::read_pruning_plan(path),
                         .sha256 = text::sha256(text::read_file(path)),
                         .per_layer = std::vector<std::int64_t>(architecture.layers.size(), 0)};
  const auto fail = [&](std::string what, std::string got, std::string expected) {
    throw InputError(Problem{.code = "E_VALUE",
                             .file = path.string(),
                             .pointer = "/layers",
                             .what = std::move(what),
                             .got = std::move(got),
                             .expected = std::move(expected)});
  };
  const std::vector<models::RoutedLayer> layers = routed_layers(architecture);
  const auto& ours = planned.plan.layers;
  if (ours.size() != layers.size()) {
    fail("the plan is of another model than model.architecture",
         fmt::format("{} layers", ours.size()), fmt::format("{} MoE layers", layers.size()));
  }
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const models::LayerPlan& plan = ours[i].plan;
    if (plan.layer != layers[i].index || plan.experts != layers[i].experts ||
        ours[i].top_k != layers[i].top_k) {
      fail("the plan is of another model than model.architecture",
           fmt::format("layer {}: {} experts, top {}", plan.layer, plan.experts, ours[i].top_k),
           fmt::format("layer {}: {} experts, top {}", layers[i].index, layers[i].experts,
                       layers[i].top_k));
    }
    const auto kept = static_cast<std::int64_t>(plan.kept.size());
    planned.per_layer[static_cast<std::size_t>(plan.layer)] = kept;
    sum += kept;
  }
  planned.experts_kept =
      std::llround(static_cast<double>(sum) / static_cast<double>(layers.size()));
  const bool unchanged =
      std::all_of(ours.begin(), ours.end(),
                  [](const models::PrunedLayer& layer) { return layer.plan.unchanged(); });
  if (!unchanged && planned.experts_kept == layers.front().experts) {
    --planned.experts_kept;  // so that it is not taken for the unpruned model
  }
  return planned;
}

models::RoutedModel planned_routing(const PlannedPruning& planned,
                                    const models::SmoeArchitecture& architecture) {
  std::vector<std::shared_ptr<const Routing>> before;
  std::vector<std::shared_ptr<const Routing>> after;
  std::vector<std::vector<ExpertId>> anchors;
  for (const models::PrunedLayer& layer : planned.plan.layers) {
    before.push_back(std::make_shared<const Routing>(from_pairs(layer.selected, layer.top_k)));
    after.push_back(
        std::make_shared<const Routing>(pruned(*before.back(), layer, planned.plan.router)));
    anchors.emplace_back();
    for (const models::KeptExpert& kept : layer.plan.kept) {
      anchors.back().emplace_back(kept.anchor);
    }
  }
  models::RoutedModel model(routed_layers(architecture), models::ModelRouting(std::move(before)),
                            planned.plan.router, {});
  model.set(planned.experts_kept, models::ModelRouting(std::move(after)), anchors);
  return model;
}

}  // namespace moeplan::sim
