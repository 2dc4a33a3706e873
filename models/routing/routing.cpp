#include "models/routing/routing.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/routing/draws.hpp"
#include "models/routing/few_pairs.hpp"
#include "models/routing/split_mix.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// [experts], popularity rank of every expert: Fisher-Yates on a stream keyed by the count.
std::vector<std::size_t> dealt_ranks(std::size_t experts) {
  std::vector<std::size_t> rank(experts);
  std::iota(rank.begin(), rank.end(), std::size_t{0});
  std::uint64_t state = experts;
  for (std::size_t i = experts; i > 1; --i) {
    state = split_mix(state);
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
  out.weights_.assign(count, 1.0);
  out.expert_of_ = identity(experts);
  out.inclusion_.assign(count, q);
  out.finish();
  out.effective_top_k_ = static_cast<double>(top_k);  // without the sum's rounding
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
  few_pairs_ = std::make_shared<FewPairs>();
}

double Routing::skew() const {
  const double busiest = *std::max_element(inclusion_.begin(), inclusion_.end());
  return busiest * static_cast<double>(inclusion_.size()) / effective_top_k_;
}

}  // namespace moeplan::models
