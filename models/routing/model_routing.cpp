#include "models/routing/model_routing.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

using Shared = std::shared_ptr<const Routing>;

// One Routing for every different shape.
template <class Make>
ModelRouting by_shape(const std::vector<RoutedLayer>& layers, Make make) {
  std::vector<Shared> out;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto same =
        std::find_if(layers.begin(), layers.begin() + static_cast<std::ptrdiff_t>(i),
                     [&](const RoutedLayer& other) {
                       return other.experts == layers[i].experts && other.top_k == layers[i].top_k;
                     });
    const auto at = static_cast<std::size_t>(same - layers.begin());
    out.push_back(at < i ? out[at] : std::make_shared<const Routing>(make(layers[i])));
  }
  return ModelRouting(std::move(out));
}

}  // namespace

ModelRouting::ModelRouting(std::vector<Shared> layers) : layers_(std::move(layers)) {
  for (const Shared& layer : layers_) {
    require(layer != nullptr, "every MoE layer has a routing");
  }
}

ModelRouting ModelRouting::uniform(const std::vector<RoutedLayer>& layers) {
  return by_shape(layers, [](const RoutedLayer& layer) {
    return Routing::uniform(layer.experts, layer.top_k);
  });
}

ModelRouting ModelRouting::power_law(const std::vector<RoutedLayer>& layers, double alpha) {
  return by_shape(layers, [&](const RoutedLayer& layer) {
    return Routing::power_law(layer.experts, layer.top_k, alpha);
  });
}

ModelRouting ModelRouting::dirichlet(const std::vector<RoutedLayer>& layers, double concentration,
                                     std::uint64_t seed) {
  std::vector<Shared> out;
  for (const RoutedLayer& layer : layers) {
    out.push_back(std::make_shared<const Routing>(
        Routing::dirichlet(layer.experts, layer.top_k, concentration, seed, layer.index)));
  }
  return ModelRouting(std::move(out));
}

std::vector<std::size_t> ModelRouting::kinds() const {
  std::vector<std::size_t> out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto same =
        std::find(layers_.begin(), layers_.begin() + static_cast<std::ptrdiff_t>(i), layers_[i]);
    const auto at = static_cast<std::size_t>(same - layers_.begin());
    out.push_back(at < i ? out[at] : next++);
  }
  return out;
}

ModelRouting ModelRouting::pruned(RouterMode mode, std::int64_t kept, std::int64_t groups) const {
  return pruned(mode, kept, std::vector<std::int64_t>(layers_.size(), groups));
}

ModelRouting ModelRouting::pruned(RouterMode mode, std::int64_t kept,
                                  const std::vector<std::int64_t>& groups) const {
  require(groups.size() == layers_.size(), "one number of groups per MoE layer");
  std::vector<Shared> out;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    std::size_t same = 0;
    while (layers_[same] != layers_[i] || groups[same] != groups[i]) {
      ++same;
    }
    if (same < i) {
      out.push_back(out[same]);
    } else if (layers_[i]->experts() == kept) {
      out.push_back(layers_[i]);
    } else {
      out.push_back(std::make_shared<const Routing>(layers_[i]->pruned(mode, kept, groups[i])));
    }
  }
  return ModelRouting(std::move(out));
}

SkewStatistics skew_statistics(const ModelRouting& routing) {
  require(routing.layers() > 0, "only MoE layers have a skew");
  std::vector<double> skews;
  for (std::size_t i = 0; i < routing.layers(); ++i) {
    skews.push_back(routing.layer(i).skew());
  }
  SkewStatistics out;
  const auto worst = std::max_element(skews.begin(), skews.end());
  out.worst = *worst;
  out.worst_layer = static_cast<std::size_t>(worst - skews.begin());
  std::sort(skews.begin(), skews.end());
  const std::size_t n = skews.size();
  out.median = 0.5 * (skews[(n - 1) / 2] + skews[n / 2]);
  return out;
}

}  // namespace moeplan::models
