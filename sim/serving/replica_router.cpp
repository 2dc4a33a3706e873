#include "sim/serving/replica_router.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

std::size_t least(std::span<const std::int64_t> loads) {
  return static_cast<std::size_t>(std::min_element(loads.begin(), loads.end()) - loads.begin());
}

}  // namespace

std::size_t ReplicaRouter::draw(std::int64_t request, std::uint64_t which, std::size_t n) const {
  const std::uint64_t word = draws_.at(2 * static_cast<std::uint64_t>(request) + which);
  return static_cast<std::size_t>(static_cast<unsigned __int128>(word) * n >> 64);
}

std::size_t ReplicaRouter::choose(std::int64_t request, std::int64_t prompt_tokens,
                                  std::span<const std::int64_t> loads,
                                  std::span<const std::int64_t> cached) const {
  const std::size_t n = loads.size();
  require(n >= 1, "a router needs an engine");
  switch (policy_) {
    case RouterPolicy::round_robin:
      return static_cast<std::size_t>(request) % n;
    case RouterPolicy::random:
      return draw(request, 0, n);
    case RouterPolicy::least_loaded:
      return least(loads);
    case RouterPolicy::power_of_two: {
      if (n == 1) {
        return 0;
      }
      const std::size_t first = draw(request, 0, n);
      const std::size_t second = (first + 1 + draw(request, 1, n - 1)) % n;
      return loads[second] < loads[first] ? second : first;
    }
    case RouterPolicy::prefix_affinity: {
      const auto [emptiest, fullest] = std::minmax_element(loads.begin(), loads.end());
      const bool balanced =
          *fullest - *emptiest <= kBalanceRequests ||
          static_cast<double>(*fullest) <= kBalanceRatio * static_cast<double>(*emptiest);
      if (cached.empty() || !balanced) {
        return least(loads);
      }
      std::size_t best = 0;
      for (std::size_t i = 1; i < n; ++i) {
        if (cached[i] > cached[best] || (cached[i] == cached[best] && loads[i] < loads[best])) {
          best = i;
        }
      }
      const bool enough =
          static_cast<double>(cached[best]) >= kCacheThreshold * static_cast<double>(prompt_tokens);
      return enough ? best : least(loads);
    }
    case RouterPolicy::shared_queue:
      break;
  }
  require(false, "the shared queue chooses no engine at arrival");
  return 0;
}

}  // namespace moeplan::sim
