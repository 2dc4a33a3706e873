#include "sim/deployment/expert_layers.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

models::Placement place(const models::Routing& routing, int ranks, models::PlacementRule rule,
                        std::int64_t redundant) {
  switch (rule) {
    case models::PlacementRule::contiguous:
      return models::Placement::contiguous(routing.experts(), ranks);
    case models::PlacementRule::round_robin:
      return models::Placement::round_robin(routing.experts(), ranks);
    case models::PlacementRule::balanced:
      return models::Placement::balanced(routing.inclusion(), ranks, redundant);
  }
  throw std::logic_error("unknown placement rule");
}

}  // namespace

std::vector<ExpertLayers> expert_layers(const models::SmoeArchitecture& architecture,
                                        const models::ModelRouting& routing, std::size_t first,
                                        int ranks, models::PlacementRule rule,
                                        std::int64_t redundant) {
  require(redundant == 0 || rule == models::PlacementRule::balanced,
          "only a balanced placement has copies of experts");
  const std::vector<std::size_t> layers = architecture.moe_layers();
  require(first + layers.size() <= routing.layers(),
          "a deployment's routing is of its architecture");
  std::vector<ExpertLayers> kinds;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& moe = std::get<models::MoeFfn>(architecture.layers[layers[i]].ffn);
    const auto same = std::find_if(kinds.begin(), kinds.end(), [&](const ExpertLayers& kind) {
      return kind.routing == routing.shared(first + i) && kind.moe == moe;
    });
    if (same != kinds.end()) {
      same->count += 1.0;
      continue;
    }
    const models::Routing& layer = routing.layer(first + i);
    require(layer.experts() == moe.experts && layer.top_k() == moe.top_k,
            "a deployment's routing is of its architecture");
    ExpertLayers kind{
        .moe = moe, .count = 1.0, .routing = routing.shared(first + i), .placed = nullptr};
    kind.placement = place(layer, ranks, rule, redundant);
    kind.placed = kind.placement.is_contiguous()
                      ? kind.routing
                      : std::make_shared<const models::Routing>(layer.placed(kind.placement));
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

}  // namespace moeplan::sim
