#pragma once
// The data-parallel rank that takes the next request: the least 4 x waiting + running (vLLM's
// data-parallel load balancer), the first of equal ones.

#include <vector>

namespace moeplan::sim {

// Ranks: a vector of ranks, which may be const.
template <class Ranks>
auto& least_loaded(Ranks& ranks) {
  auto* least = &ranks.front();
  for (auto& rank : ranks) {
    if (4 * rank.waiting() + rank.running() < 4 * least->waiting() + least->running()) {
      least = &rank;
    }
  }
  return *least;
}

}  // namespace moeplan::sim
