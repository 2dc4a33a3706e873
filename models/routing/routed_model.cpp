#include "models/routing/routed_model.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::models {

RoutedModel::RoutedModel(std::vector<RoutedLayer> layers, ModelRouting unpruned, RouterMode mode,
                         const std::vector<std::int64_t>& kept)
    : layers_(std::move(layers)), unpruned_(std::move(unpruned)), mode_(mode) {
  require(layers_.size() == unpruned_.layers(), "one routing per MoE layer");
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    require(layers_[i].experts == unpruned_.layer(i).experts() &&
                layers_[i].top_k == unpruned_.layer(i).top_k(),
            "a routing has the experts and the top_k of its layer");
  }
  for (const std::int64_t count : kept) {
    const bool possible = std::all_of(layers_.begin(), layers_.end(), [&](const RoutedLayer& l) {
      return count >= 1 && count <= l.experts && !why_not_grouped(count, l.top_k, l.limit);
    });
    if (possible && !layers_.empty()) {
      prepared_.emplace(count, std::make_shared<const PrunedModel>(prune(count)));
    }
  }
}

std::shared_ptr<const PrunedModel> RoutedModel::at(std::int64_t kept) const {
  const auto found = prepared_.find(kept);
  return found != prepared_.end() ? found->second
                                  : std::make_shared<const PrunedModel>(prune(kept));
}

PrunedModel RoutedModel::prune(std::int64_t kept) const {
  std::vector<std::int64_t> groups;
  for (const RoutedLayer& layer : layers_) {
    groups.push_back(layer.limit.groups);
  }
  std::vector<std::vector<ExpertId>> anchors;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    anchors.push_back(unpruned_.layer(i).most_popular(kept, groups[i]));
  }
  return with_effect(unpruned_.pruned(mode_, kept, groups), anchors);
}

void RoutedModel::set(std::int64_t kept, ModelRouting routing,
                      const std::vector<std::vector<ExpertId>>& anchors) {
  require(routing.layers() == layers_.size() && anchors.size() == layers_.size(),
          "one routing and one list of anchors per MoE layer");
  prepared_[kept] = std::make_shared<const PrunedModel>(with_effect(std::move(routing), anchors));
}

PrunedModel RoutedModel::with_effect(ModelRouting routing,
                                     const std::vector<std::vector<ExpertId>>& anchors) const {
  PrunedModel out{std::move(routing), std::nullopt};
  bool whole = true;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    whole = whole && out.routing.layer(i).experts() == layers_[i].experts;
  }
  if (whole) {
    return out;
  }
  RouterEffect effect{.mode = mode_,
                      .unpruned = skew_statistics(unpruned_),
                      .pruned = skew_statistics(out.routing)};
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Routing& before = unpruned_.layer(i);
    const RouterChange change =
        router_change(before, out.routing.layer(i), mode_, anchors[i], layers_[i].gates);
    if (i == 0 ||
        change.top_k_after * effect.top_k < effect.effective_top_k * change.top_k_before) {
      effect.top_k = change.top_k_before;
      effect.effective_top_k = change.top_k_after;
    }
    if (change.output_scale) {
      effect.output_scale = std::max(effect.output_scale.value_or(0.0), *change.output_scale);
    }
  }
  out.effect = effect;
  return out;
}

}  // namespace moeplan::models
