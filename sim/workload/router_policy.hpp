#pragma once
// RouterPolicy: which engine of a fleet takes a request. Implemented in sim/serving/replica_router.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moeplan::sim {

// Load: requests waiting or running in an engine.
enum class RouterPolicy {
  round_robin,   // request i to engine i mod n
  shared_queue,  // requests wait in one line; the emptiest engine with a free sequence slot takes
                 // the first
  random,        // each engine with equal probability
  least_loaded,  // the least load, the first of equal ones
  power_of_two,  // the less loaded of two different engines drawn at random
  prefix_affinity,  // the longest cached prefix, while loads are in balance
};

inline constexpr std::array<std::string_view, 6> kRouterPolicyNames = {
    "round_robin", "shared_queue", "random", "least_loaded", "power_of_two", "prefix_affinity"};

inline std::string_view name_of(RouterPolicy policy) {
  return kRouterPolicyNames[static_cast<std::size_t>(policy)];
}

inline std::optional<RouterPolicy> router_policy_from(std::string_view name) {
  for (std::size_t i = 0; i < kRouterPolicyNames.size(); ++i) {
    if (name == kRouterPolicyNames[i]) {
      return static_cast<RouterPolicy>(i);
    }
  }
  return std::nullopt;
}

inline std::vector<std::string> router_policy_names() {
  return {kRouterPolicyNames.begin(), kRouterPolicyNames.end()};
}

}  // namespace moeplan::sim
