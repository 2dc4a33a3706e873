#include "models/pruning/plan_pruning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "models/pruning/layer_methods.hpp"
#include "models/routing/split_mix.hpp"

namespace moeplan::models {
namespace {

std::string message(std::optional<std::int64_t> layer, const std::string& what) {
  return layer ? fmt::format("layer {}: {}", *layer, what) : what;
}

class Planner {
 public:
  Planner(std::span<const LayerInput> layers, const PruningOptions& options)
      : layers_(layers), options_(options) {}

  PruningPlan plan() const {
    check_request();
    PruningPlan plan{options_.method, options_.router, options_.seed, {}};
    const std::vector<std::int64_t> counts = this->counts();
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      plan.layers.push_back(plan_layer(i, counts[i]));
    }
    return plan;
  }

 private:
  PruningMethod method_of(std::size_t i) const {
    const bool greedy = i == 0 && options_.first_layer == FirstLayer::greedy;
    return greedy ? PruningMethod::frequency : options_.method;
  }

  void check_request() const {
    if (layers_.empty()) {
      throw PruningError(std::nullopt, "there is no MoE layer to prune");
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const LayerInput& layer = layers_[i];
      if (const auto problem = problem_of(layer.statistics, layer.experts, layer.top_k)) {
        throw PruningError(layer.layer, *problem);
      }
      if (options_.kept < layer.top_k || options_.kept > layer.experts) {
        throw PruningError(
            layer.layer,
            fmt::format("{} experts to keep; of {} experts a token chooses {}, so {} "
                        "to {} can be kept",
                        options_.kept, layer.experts, layer.top_k, layer.top_k, layer.experts));
      }
      if (layer.groups < 1 || layer.experts % layer.groups != 0) {
        throw PruningError(layer.layer, fmt::format("{} groups do not divide {} experts",
                                                    layer.groups, layer.experts));
      }
      if (layer.groups > 1 && options_.budget == Budget::global) {
        throw PruningError(layer.layer,
                           "a group-limited router needs equal counts per group: a "
                           "global budget is not supported with it");
      }
      if (options_.kept % layer.groups != 0) {
        throw PruningError(layer.layer,
                           fmt::format("{} experts to keep are not divided by the router's {} "
                                       "groups",
                                       options_.kept, layer.groups));
      }
      const bool drops = !merges(method_of(i)) && options_.kept < layer.experts;
      if (drops && options_.router == RouterMode::merged_logits) {
        throw PruningError(layer.layer,
                           fmt::format("{} drops experts: merged_logits needs every expert to be "
                                       "merged into another",
                                       name_of(method_of(i))));
      }
    }
  }

  LayerTask task(std::size_t i) const {
    const LayerInput& layer = layers_[i];
    const std::uint64_t key =
        split_mix(options_.seed) ^ split_mix(static_cast<std::uint64_t>(layer.layer) + 1);
    return {.input = &layer,
            .method = method_of(i),
            .kmeans_starts = options_.kmeans_starts,
            .seed = key};
  }

  bool kept_whole(std::size_t i) const {
    return i == 0 && options_.first_layer == FirstLayer::keep;
  }

  std::vector<std::int64_t> counts() const {
    std::vector<std::int64_t> counts;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      counts.push_back(kept_whole(i) ? layers_[i].experts : options_.kept);
    }
    return options_.budget == Budget::uniform ? counts : shared_counts();
  }

  // Every layer keeps top_k of its own; the rest goes to the best of all layers together. A first
  // layer that is left alone takes no part.
  std::vector<std::int64_t> shared_counts() const {
    struct Candidate {
      double score;
      std::size_t layer;
    };
    std::vector<Candidate> open;
    std::vector<std::int64_t> counts;
    std::int64_t left = 0;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (kept_whole(i)) {
        counts.push_back(layers_[i].experts);
        continue;
      }
      const std::vector<double> scores = global_scores(task(i));  // descending
      const auto fixed = static_cast<std::size_t>(layers_[i].top_k);
      counts.push_back(layers_[i].top_k);
      left += options_.kept - layers_[i].top_k;
      for (std::size_t s = fixed; s < scores.size(); ++s) {
        open.push_back({scores[s], i});
      }
    }
    std::stable_sort(open.begin(), open.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    for (std::size_t c = 0; c < static_cast<std::size_t>(left); ++c) {
      ++counts[open[c].layer];
    }
    return counts;
  }

  LayerPlan plan_layer(std::size_t i, std::int64_t count) const {
    const LayerInput& layer = layers_[i];
    try {
      LayerPlan plan = prune_layer(task(i), count);
      plan.check();
      return plan;
    } catch (const PruningError&) {
      throw;
    } catch (const std::invalid_argument& error) {
      throw PruningError(layer.layer, error.what());
    }
  }

  std::span<const LayerInput> layers_;
  const PruningOptions& options_;
};

}  // namespace

PruningError::PruningError(std::optional<std::int64_t> layer, const std::string& what)
    : std::invalid_argument(message(layer, what)), layer_(layer) {}

PruningPlan plan_pruning(std::span<const LayerInput> layers, const PruningOptions& options) {
  return Planner(layers, options).plan();
}

}  // namespace moeplan::models
