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

// Experts of a rank in every group [groups].
std::vector<std::int64_t> shared_with(const std::vector<ExpertId>& own, std::int64_t groups,
                                      std::int64_t size) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(groups), 0);
  for (const ExpertId expert : own) {
    ++out[static_cast<std::size_t>(expert.index() / size)];
  }
  return out;
}

// Equal weights. reachable: ways[m][n] = sets of m groups in which the rank has n experts.
double uniform_distinct(const Routing& routing, const GroupLimit& limit,
                        const Placement& placement) {
  const std::int64_t size = routing.experts() / limit.groups;
  const auto kept = static_cast<std::size_t>(limit.kept);
  double sum = 0.0;
  for (const std::vector<ExpertId>& own : placement.on_rank()) {
    const std::size_t local = own.size();
    std::vector<std::vector<double>> ways(kept + 1, std::vector<double>(local + 1, 0.0));
    ways[0][0] = 1.0;
    for (const std::int64_t here : shared_with(own, limit.groups, size)) {
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
  return expected_distinct_ranks(routing, limit, Placement::contiguous(routing.experts(), ranks));
}

double expected_distinct_ranks(const Routing& routing, const GroupLimit& limit,
                               const Placement& placement) {
  require(!why_not_grouped(routing.experts(), routing.top_k(), limit), "experts suit the groups");
  require(placement.experts() == routing.experts(), "a placement is of the layer's experts");
  if (limit.kept == limit.groups) {
    return routing.placed(placement).expected_distinct_ranks(placement.ranks());
  }
  if (routing.is_uniform() && placement.redundant() == 0) {
    return uniform_distinct(routing, limit, placement);
  }
  require(limit.groups <= 16, "at most 16 groups");
  const std::int64_t size = routing.experts() / limit.groups;
  // One column for every copy of its expert.
  std::vector<double> weights;
  std::vector<std::size_t> group_of;
  std::vector<std::int64_t> rank_of;
  std::vector<double> group_weights(static_cast<std::size_t>(limit.groups), 0.0);
  for (std::size_t c = 0; c < routing.weights().size(); ++c) {
    const auto expert = static_cast<std::size_t>(routing.expert_of()[c]);
    const auto group = expert / static_cast<std::size_t>(size);
    group_weights[group] += routing.weights()[c];
    const std::span<const int> ranks = placement.ranks_of(expert);
    for (const int rank : ranks) {
      weights.push_back(routing.weights()[c] / static_cast<double>(ranks.size()));
      group_of.push_back(group);
      rank_of.push_back(rank);
    }
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
    const std::vector<double> hit =
        hit_probabilities(open, rank_of, placement.ranks(), routing.top_k());
    sum += chance[set] * std::accumulate(hit.begin(), hit.end(), 0.0);
  }
  return sum;
}

}  // namespace moeplan::models
