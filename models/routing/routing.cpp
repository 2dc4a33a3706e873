#include "models/routing/routing.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/routing/draws.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): a fixed permutation needs nothing better.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

// [experts], popularity rank of every expert: Fisher-Yates on a stream keyed by the count.
std::vector<std::size_t> dealt_ranks(std::size_t experts) {
  std::vector<std::size_t> rank(experts);
  std::iota(rank.begin(), rank.end(), std::size_t{0});
  std::uint64_t state = experts;
  for (std::size_t i = experts; i > 1; --i) {
    state = mix(state);
    std::swap(rank[i - 1], rank[static_cast<std::size_t>(state % i)]);
  }
  return rank;
}

std::vector<std::int64_t> identity(std::int64_t count) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), std::int64_t{0});
  return out;
}

}  // namespace

const std::vector<std::string>& router_mode_names() {
  static const std::vector<std::string> names = {"reinitialised", "sliced", "merged_logits"};
  return names;
}

std::string_view name_of(RouterMode mode) {
  return router_mode_names()[static_cast<std::size_t>(mode)];
}

std::optional<RouterMode> router_mode_from(std::string_view name) {
  const std::vector<std::string>& names = router_mode_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    return std::nullopt;
  }
  return static_cast<RouterMode>(found - names.begin());
}

Routing Routing::uniform(std::int64_t experts, std::int64_t top_k) {
  require(top_k >= 1 && top_k <= experts, "top_k is at least 1 and at most the experts");
  Routing out;
  const double q = static_cast<double>(top_k) / static_cast<double>(experts);
  const auto count = static_cast<std::size_t>(experts);
  out.top_k_ = top_k;
  out.uniform_ = true;
  out.effective_top_k_ = static_cast<double>(top_k);
  out.weights_.assign(count, 1.0);
  out.expert_of_ = identity(experts);
  out.inclusion_.assign(count, q);
  out.log_exclusion_.assign(count, std::log1p(-q));
  return out;
}

Routing Routing::power_law(std::int64_t experts, std::int64_t top_k, double alpha) {
  require(std::isfinite(alpha) && alpha >= 0.0, "the exponent of a power law is finite and >= 0");
  if (alpha == 0.0) {
    return uniform(experts, top_k);
  }
  require(top_k >= 1 && top_k <= experts, "top_k is at least 1 and at most the experts");
  const std::vector<std::size_t> rank = dealt_ranks(static_cast<std::size_t>(experts));
  std::vector<double> weights(rank.size());
  for (std::size_t e = 0; e < rank.size(); ++e) {
    weights[e] = std::pow(static_cast<double>(rank[e] + 1), -alpha);
  }
  return from_columns(std::move(weights), identity(experts), experts, top_k);
}

Routing Routing::from_inclusion(std::vector<double> inclusion, std::int64_t top_k) {
  const auto experts = static_cast<std::int64_t>(inclusion.size());
  require(top_k >= 1 && top_k <= experts, "top_k is at least 1 and at most the experts");
  double sum = 0.0;
  for (const double q : inclusion) {
    require(q >= 0.0 && q <= 1.0, "inclusion probabilities are 0 to 1");
    sum += q;
  }
  const double k = static_cast<double>(top_k);
  require(std::fabs(sum - k) <= 1e-3 * k, "inclusion probabilities sum to top_k");
  if (std::equal(inclusion.begin() + 1, inclusion.end(), inclusion.begin())) {
    return uniform(experts, top_k);
  }
  for (double& q : inclusion) {
    q = std::min(1.0, q * k / sum);
  }
  Routing out = from_columns(weights_for(inclusion, top_k), identity(experts), experts, top_k);
  out.inclusion_ = std::move(inclusion);  // as measured, not as fitted
  out.finish();
  return out;
}

Routing Routing::from_columns(std::vector<double> weights, std::vector<std::int64_t> expert_of,
                              std::int64_t experts, std::int64_t top_k) {
  Routing out;
  out.top_k_ = top_k;
  out.weights_ = std::move(weights);
  out.expert_of_ = std::move(expert_of);
  out.inclusion_ = hit_probabilities(out.weights_, out.expert_of_, experts, top_k);
  out.finish();
  return out;
}

void Routing::finish() {
  effective_top_k_ = std::accumulate(inclusion_.begin(), inclusion_.end(), 0.0);
  log_exclusion_.resize(inclusion_.size());
  std::transform(inclusion_.begin(), inclusion_.end(), log_exclusion_.begin(),
                 [](double q) { return std::log1p(-q); });
}

double Routing::skew() const {
  const double busiest = *std::max_element(inclusion_.begin(), inclusion_.end());
  return busiest * static_cast<double>(inclusion_.size()) / effective_top_k_;
}

std::vector<ExpertId> Routing::most_popular(std::int64_t count) const {
  require(count >= 0 && count <= experts(), "no more experts than the layer has");
  std::vector<std::int64_t> order = identity(experts());
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return inclusion_[static_cast<std::size_t>(a)] > inclusion_[static_cast<std::size_t>(b)];
  });
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end());
  std::vector<ExpertId> out;
  for (const std::int64_t e : order) {
    out.emplace_back(static_cast<std::int32_t>(e));
  }
  return out;
}

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

Routing Routing::pruned(RouterMode mode, std::int64_t kept) const {
  require(kept >= 1 && kept <= experts(), "no more experts kept than there are");
  if (kept == experts()) {
    return *this;
  }
  if (mode == RouterMode::reinitialised) {
    return reinitialised(kept);
  }
  const std::vector<ExpertId> anchors = most_popular(kept);
  if (mode == RouterMode::sliced) {
    return sliced(anchors);
  }
  // merged_logits: anchors keep their order; the rest, busiest first, go to the idlest anchor.
  std::vector<std::int32_t> cluster(inclusion_.size(), -1);
  std::vector<std::size_t> by_load(anchors.size());
  for (std::size_t a = 0; a < anchors.size(); ++a) {
    cluster[static_cast<std::size_t>(anchors[a].index())] = static_cast<std::int32_t>(a);
    by_load[a] = a;
  }
  std::stable_sort(by_load.begin(), by_load.end(), [&](std::size_t a, std::size_t b) {
    return inclusion_[static_cast<std::size_t>(anchors[a].index())] <
           inclusion_[static_cast<std::size_t>(anchors[b].index())];
  });
  std::vector<std::size_t> others;
  for (std::size_t e = 0; e < cluster.size(); ++e) {
    if (cluster[e] < 0) {
      others.push_back(e);
    }
  }
  std::stable_sort(others.begin(), others.end(),
                   [&](std::size_t a, std::size_t b) { return inclusion_[a] > inclusion_[b]; });
  for (std::size_t i = 0; i < others.size(); ++i) {
    cluster[others[i]] = static_cast<std::int32_t>(by_load[i % by_load.size()]);
  }
  std::vector<ExpertId> cluster_of;
  for (const std::int32_t c : cluster) {
    cluster_of.emplace_back(c);
  }
  return merged(cluster_of);
}

}  // namespace moeplan::models
