#include "models/pruning/pruning_plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/units/require.hpp"

namespace moeplan::models {

const std::vector<std::string>& pruning_method_names() {
  static const std::vector<std::string> kNames = {"uncurl",  "frequency", "frequency-merge",
                                                  "mc-smoe", "reap",      "random"};
  return kNames;
}

std::string_view name_of(PruningMethod method) {
  return pruning_method_names()[static_cast<std::size_t>(method)];
}

std::optional<PruningMethod> pruning_method_from(std::string_view name) {
  const auto& names = pruning_method_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    return std::nullopt;
  }
  return static_cast<PruningMethod>(found - names.begin());
}

bool merges(PruningMethod method) {
  return method == PruningMethod::uncurl || method == PruningMethod::frequency_merge ||
         method == PruningMethod::mc_smoe;
}

std::vector<std::optional<std::int32_t>> LayerPlan::kept_index() const {
  std::vector<std::optional<std::int32_t>> index(static_cast<std::size_t>(experts));
  for (std::size_t k = 0; k < kept.size(); ++k) {
    for (const std::int32_t member : kept[k].members) {
      index[static_cast<std::size_t>(member)] = static_cast<std::int32_t>(k);
    }
  }
  return index;
}

std::vector<std::int32_t> LayerPlan::dropped() const {
  const auto index = kept_index();
  std::vector<std::int32_t> result;
  for (std::size_t e = 0; e < index.size(); ++e) {
    if (!index[e]) {
      result.push_back(static_cast<std::int32_t>(e));
    }
  }
  return result;
}

bool LayerPlan::unchanged() const { return static_cast<std::int64_t>(kept.size()) == experts; }

void LayerPlan::check() const {
  std::vector<bool> seen(static_cast<std::size_t>(experts), false);
  std::int32_t last = -1;
  for (const KeptExpert& expert : kept) {
    require(expert.anchor > last, "kept experts come in the order of their anchors");
    last = expert.anchor;
    require(expert.members.size() == expert.weights.size() &&
                std::find(expert.members.begin(), expert.members.end(), expert.anchor) !=
                    expert.members.end(),
            "the anchor is a member, and each member has a weight");
    for (const std::int32_t member : expert.members) {
      require(member >= 0 && member < experts, "a member is an expert of the layer");
      require(!seen[static_cast<std::size_t>(member)], "an expert is a member once");
      seen[static_cast<std::size_t>(member)] = true;
    }
    const double sum = std::accumulate(expert.weights.begin(), expert.weights.end(), 0.0);
    require(std::abs(sum - 1.0) < 1e-9 &&
                *std::min_element(expert.weights.begin(), expert.weights.end()) >= 0.0,
            "the weights of an expert's members are shares of 1");
  }
}

std::optional<std::int64_t> PruningPlan::equal_count() const {
  for (const LayerPlan& layer : layers) {
    if (layer.kept.size() != layers.front().kept.size()) {
      return std::nullopt;
    }
  }
  if (layers.empty()) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(layers.front().kept.size());
}

}  // namespace moeplan::models
