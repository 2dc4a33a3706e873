// What becomes of a routing when experts are pruned (serving.md 4).

#include <algorithm>
#include <numeric>

#include "models/routing/routing.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {

Routing Routing::reinitialised(std::int64_t kept) const { return uniform(kept, top_k_); }

Routing Routing::sliced(const std::vector<ExpertId>& kept) const {
  std::vector<std::int64_t> place(inclusion_.size(), -1);  // old expert -> new, -1: dropped
  bool all_in_order = kept.size() == inclusion_.size();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const auto e = static_cast<std::size_t>(kept[i].index());
    require(kept[i].index() >= 0 && e < place.size(), "a kept expert is not in the layer");
    require(place[e] < 0, "an expert is kept twice");
    place[e] = static_cast<std::int64_t>(i);
    all_in_order = all_in_order && e == i;
  }
  if (all_in_order) {
    return *this;
  }
  if (uniform_) {
    return uniform(static_cast<std::int64_t>(kept.size()), top_k_);
  }
  std::vector<double> weights;
  std::vector<std::int64_t> expert_of;
  for (std::size_t c = 0; c < weights_.size(); ++c) {
    const std::int64_t to = place[static_cast<std::size_t>(expert_of_[c])];
    if (to >= 0) {
      weights.push_back(weights_[c]);
      expert_of.push_back(to);
    }
  }
  return from_columns(std::move(weights), std::move(expert_of),
                      static_cast<std::int64_t>(kept.size()), top_k_);
}

Routing Routing::merged(const std::vector<ExpertId>& cluster_of) const {
  require(cluster_of.size() == inclusion_.size(), "every expert belongs to one cluster");
  std::vector<bool> used(cluster_of.size(), false);
  std::int64_t clusters = 0;
  bool unchanged = true;
  for (std::size_t e = 0; e < cluster_of.size(); ++e) {
    const std::int32_t c = cluster_of[e].index();
    require(c >= 0 && static_cast<std::size_t>(c) < used.size(), "a cluster number out of range");
    used[static_cast<std::size_t>(c)] = true;
    clusters = std::max<std::int64_t>(clusters, c + 1);
    unchanged = unchanged && static_cast<std::size_t>(c) == e;
  }
  require(std::all_of(used.begin(), used.begin() + clusters, [](bool u) { return u; }),
          "clusters are numbered without gaps");
  if (unchanged) {
    return *this;
  }
  std::vector<std::int64_t> expert_of;
  for (const std::int64_t e : expert_of_) {
    expert_of.push_back(cluster_of[static_cast<std::size_t>(e)].index());
  }
  return from_columns(weights_, std::move(expert_of), clusters, top_k_);
}

std::vector<ExpertId> Routing::most_popular(std::int64_t count, std::int64_t groups) const {
  require(count >= 0 && count <= experts(), "no more experts than the layer has");
  require(groups >= 1 && experts() % groups == 0 && count % groups == 0,
          "equal groups of experts, and equally many of each");
  std::vector<ExpertId> out;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t size = experts() / groups;
    std::vector<std::int64_t> order(static_cast<std::size_t>(size));
    std::iota(order.begin(), order.end(), g * size);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return inclusion_[static_cast<std::size_t>(a)] > inclusion_[static_cast<std::size_t>(b)];
    });
    order.resize(static_cast<std::size_t>(count / groups));
    std::sort(order.begin(), order.end());
    for (const std::int64_t e : order) {
      out.emplace_back(static_cast<std::int32_t>(e));
    }
  }
  return out;
}

Routing Routing::pruned(RouterMode mode, std::int64_t kept, std::int64_t groups) const {
  require(kept >= 1 && kept <= experts(), "no more experts kept than there are");
  require(top_k_ <= kept, "top_k is at most the experts kept");
  if (kept == experts()) {
    return *this;
  }
  if (mode == RouterMode::reinitialised) {
    return reinitialised(kept);
  }
  const std::vector<ExpertId> anchors = most_popular(kept, groups);
  if (mode == RouterMode::sliced) {
    return sliced(anchors);
  }
  const auto popularity = [&](std::size_t e) { return inclusion_[e]; };
  std::vector<ExpertId> cluster_of(inclusion_.size(), ExpertId(-1));
  const std::size_t size = inclusion_.size() / static_cast<std::size_t>(groups);
  const std::size_t own = anchors.size() / static_cast<std::size_t>(groups);
  for (std::size_t g = 0; g < static_cast<std::size_t>(groups); ++g) {
    // Anchors keep their order; the group's others, busiest first, go to its idlest anchor.
    std::vector<std::size_t> idlest;  // anchors as experts
    for (std::size_t a = g * own; a < (g + 1) * own; ++a) {
      idlest.push_back(static_cast<std::size_t>(anchors[a].index()));
      cluster_of[idlest.back()] = ExpertId(static_cast<std::int32_t>(a));
    }
    std::stable_sort(idlest.begin(), idlest.end(),
                     [&](std::size_t a, std::size_t b) { return popularity(a) < popularity(b); });
    std::vector<std::size_t> others;
    for (std::size_t e = g * size; e < (g + 1) * size; ++e) {
      if (cluster_of[e].index() < 0) {
        others.push_back(e);
      }
    }
    std::stable_sort(others.begin(), others.end(),
                     [&](std::size_t a, std::size_t b) { return popularity(a) > popularity(b); });
    for (std::size_t i = 0; i < others.size(); ++i) {
      cluster_of[others[i]] = cluster_of[idlest[i % idlest.size()]];
    }
  }
  return merged(cluster_of);
}

}  // namespace moeplan::models
