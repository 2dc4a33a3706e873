#include "models/routing/group_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

#include "models/routing/draws.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// [2^groups], P(the groups of the set are the first to be drawn), for sets of at most `most`:
//   P(S) = sum over g in S of P(S without g) w_g / (W - W(S without g))
std::vector<double> first_sets(const std::vector<double>& weights, std::size_t most) {
  const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
  const std::size_t sets = std::size_t{1} << weights.size();
  std::vector<double> total(sets, 0.0);
  std::vector<double> chance(sets, 0.0);
  chance[0] = 1.0;
  for (std::size_t set = 1; set < sets; ++set) {
    const auto low = static_cast<std::size_t>(std::countr_zero(set));
    total[set] = total[set & (set - 1)] + weights[low];
    if (static_cast<std::size_t>(std::popcount(set)) > most) {
      continue;
    }
    for (std::size_t g = 0; g < weights.size(); ++g) {
      const std::size_t without = set & ~(std::size_t{1} << g);
      if (without != set && weights[g] > 0.0 && chance[without] > 0.0) {
        chance[set] += chance[without] * weights[g] / (all - total[without]);
      }
    }
  }
  return chance;
}

// C(outside, k) / C(all, k): no expert of a rank among the k drawn.
double none_of(std::int64_t all, std::int64_t outside, std::int64_t k) {
  double none = 1.0;
  for (std::int64_t i = 0; i < k; ++i) {
    none *=
        static_cast<double>(std::max<std::int64_t>(0, outside - i)) / static_cast<double>(all - i);
  }
  return none;
}

// Experts of [begin, end) in every group [groups].
std::vector<std::int64_t> shared_with(const ExpertRange& range, std::int64_t groups,
                                      std::int64_t size) {
  std::vector<std::int64_t> out;
  for (std::int64_t g = 0; g < groups; ++g) {
    out.push_back(std::max<std::int64_t>(
        0, std::min(range.end, (g + 1) * size) - std::max(range.begin, g * size)));
  }
  return out;
}

// Equal weights. reachable: ways[m][n] = sets of m groups in which the rank has n experts.
double uniform_distinct(const Routing& routing, const GroupLimit& limit, int ranks) {
  const std::int64_t size = routing.experts() / limit.groups;
  const auto kept = static_cast<std::size_t>(limit.kept);
  double sum = 0.0;
  for (int rank = 0; rank < ranks; ++rank) {
    const ExpertRange range = experts_of_rank(routing.experts(), ranks, rank);
    const auto local = static_cast<std::size_t>(range.end - range.begin);
    std::vector<std::vector<double>> ways(kept + 1, std::vector<double>(local + 1, 0.0));
    ways[0][0] = 1.0;
    for (const std::int64_t here : shared_with(range, limit.groups, size)) {
      const auto more = static_cast<std::size_t>(here);
      for (std::size_t m = kept; m > 0; --m) {
        for (std::size_t n = local + 1; n-- > more;) {
          ways[m][n] += ways[m - 1][n - more];
        }
      }
    }
    const double all = std::accumulate(ways[kept].begin(), ways[kept].end(), 0.0);
    for (std::size_t n = 1; n <= local; ++n) {
      if (ways[kept][n] > 0.0) {
        const std::int64_t open = size * limit.kept;
        sum += ways[kept][n] / all *
               (1.0 - none_of(open, open - static_cast<std::int64_t>(n), routing.top_k()));
      }
    }
  }
  return sum;
}

}  // namespace

std::optional<std::string> why_not_grouped(std::int64_t experts, std::int64_t top_k,
                                           const GroupLimit& limit) {
  require(limit.groups >= 1 && limit.kept >= 1 && limit.kept <= limit.groups,
          "a router keeps 1 to all of its groups");
  if (experts % limit.groups != 0) {
    return fmt::format("{} experts do not divide into {} router groups", experts, limit.groups);
  }
  const std::int64_t open = experts / limit.groups * limit.kept;
  if (top_k > open) {
    return fmt::format("top_k {} > the {} experts that {} of {} router groups hold", top_k, open,
                       limit.kept, limit.groups);
  }
  return std::nullopt;
}

double expected_distinct_ranks(const Routing& routing, const GroupLimit& limit, int ranks) {
  require(!why_not_grouped(routing.experts(), routing.top_k(), limit), "experts suit the groups");
  require(ranks >= 1 && ranks <= routing.experts(), "at least one expert for every rank");
  if (limit.kept == limit.groups) {
    return routing.expected_distinct_ranks(ranks);
  }
  if (routing.is_uniform()) {
    return uniform_distinct(routing, limit, ranks);
  }
  require(limit.groups <= 16, "at most 16 groups");
  const std::vector<double>& weights = routing.weights();
  const std::int64_t size = routing.experts() / limit.groups;
  std::vector<std::size_t> group_of;
  std::vector<double> group_weights(static_cast<std::size_t>(limit.groups), 0.0);
  std::vector<std::int64_t> rank_of_expert;
  for (int rank = 0; rank < ranks; ++rank) {
    const ExpertRange range = experts_of_rank(routing.experts(), ranks, rank);
    rank_of_expert.resize(static_cast<std::size_t>(range.end), rank);
  }
  std::vector<std::int64_t> rank_of;
  for (std::size_t c = 0; c < weights.size(); ++c) {
    const std::int64_t expert = routing.expert_of()[c];
    group_of.push_back(static_cast<std::size_t>(expert / size));
    group_weights[group_of.back()] += weights[c];
    rank_of.push_back(rank_of_expert[static_cast<std::size_t>(expert)]);
  }
  const auto kept = static_cast<std::size_t>(limit.kept);
  const std::vector<double> chance = first_sets(group_weights, kept);
  double sum = 0.0;
  std::vector<double> open(weights.size());
  for (std::size_t set = 0; set < chance.size(); ++set) {
    if (static_cast<std::size_t>(std::popcount(set)) != kept || chance[set] == 0.0) {
      continue;
    }
    for (std::size_t c = 0; c < weights.size(); ++c) {
      open[c] = (set >> group_of[c] & 1) != 0 ? weights[c] : 0.0;
    }
    const std::vector<double> hit = hit_probabilities(open, rank_of, ranks, routing.top_k());
    sum += chance[set] * std::accumulate(hit.begin(), hit.end(), 0.0);
  }
  return sum;
}

}  // namespace moeplan::models
