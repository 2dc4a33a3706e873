#pragma once
// Draws without replacement the slow way: every ordered draw with its probability, or sampled.
// Independent of models/routing: sequential draws here, exponential clocks and quadrature there.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <random>
#include <vector>

#include "models/routing/routing.hpp"

namespace moeplan::models::tests {

// Calls visit(drawn, probability) for every ordered draw of k columns.
inline void each_draw(const std::vector<double>& weights, std::size_t k,
                      const std::function<void(const std::vector<std::size_t>&, double)>& visit) {
  std::vector<std::size_t> drawn;
  std::vector<bool> used(weights.size(), false);
  const std::function<void(double, double)> step = [&](double probability, double left) {
    if (drawn.size() == k) {
      visit(drawn, probability);
      return;
    }
    for (std::size_t c = 0; c < weights.size(); ++c) {
      if (!used[c] && weights[c] > 0.0) {
        used[c] = true;
        drawn.push_back(c);
        step(probability * weights[c] / left, left - weights[c]);
        drawn.pop_back();
        used[c] = false;
      }
    }
  };
  step(1.0, std::accumulate(weights.begin(), weights.end(), 0.0));
}

// The weights behind Routing::power_law, by expert: the rank of an expert is its place when the
// experts are sorted by inclusion (a higher weight is a higher inclusion).
inline std::vector<double> power_law_weights(const Routing& routing, double alpha) {
  const std::vector<double>& q = routing.inclusion();
  std::vector<std::size_t> order(q.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return q[a] > q[b]; });
  std::vector<double> weights(q.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    weights[order[rank]] = std::pow(static_cast<double>(rank + 1), -alpha);
  }
  return weights;
}

// Sampled draws: the k smallest of exponential clocks.
class Sampler {
 public:
  Sampler(std::vector<double> weights, std::size_t k, std::uint64_t seed)
      : weights_(std::move(weights)), k_(k), random_(seed), clocks_(weights_.size()) {}

  // The drawn columns of one token.
  std::vector<std::size_t> draw() {
    for (std::size_t c = 0; c < weights_.size(); ++c) {
      const double u = (static_cast<double>(random_() >> 11) + 0.5) * 0x1p-53;
      clocks_[c] = {-std::log(u) / weights_[c], c};
    }
    std::nth_element(clocks_.begin(), clocks_.begin() + static_cast<std::ptrdiff_t>(k_) - 1,
                     clocks_.end());
    std::vector<std::size_t> drawn;
    for (std::size_t i = 0; i < k_; ++i) {
      drawn.push_back(clocks_[i].second);
    }
    return drawn;
  }

 private:
  std::vector<double> weights_;
  std::size_t k_;
  std::mt19937_64 random_;
  std::vector<std::pair<double, std::size_t>> clocks_;
};

// The rank of every expert under contiguous placement.
inline std::vector<std::size_t> rank_of_expert(std::int64_t experts, int ranks) {
  std::vector<std::size_t> out(static_cast<std::size_t>(experts));
  for (int rank = 0; rank < ranks; ++rank) {
    const ExpertRange range = experts_of_rank(experts, ranks, rank);
    for (std::int64_t e = range.begin; e < range.end; ++e) {
      out[static_cast<std::size_t>(e)] = static_cast<std::size_t>(rank);
    }
  }
  return out;
}

}  // namespace moeplan::models::tests
