#pragma once
// The data-parallel rank that takes the next request: the least 4 x waiting + running (vLLM's
// data-parallel load balancer), the first of equal ones.

#include <vector>

namespace moeplan::sim {

template <class Rank>
Rank& least_loaded(std::vector<Rank>& ranks) {
  Rank* least = &ranks.front();
  for (Rank& rank : ranks) {
    if (4 * rank.waiting() + rank.running() < 4 * least->waiting() + least->running()) {
      least = &rank;
    }
  }
  return *least;
}

}  // namespace moeplan::sim
