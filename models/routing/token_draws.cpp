#include "models/routing/token_draws.hpp"

#include "models/units/require.hpp"

namespace moeplan::models {

TokenDraws::TokenDraws(const Routing& routing)
    : top_k_(static_cast<std::size_t>(routing.top_k())),
      weights_(routing.weights()),
      expert_of_(routing.expert_of()),
      table_(weights_) {
  require(top_k_ <= kMostTopK, "top_k is at most 64");
  require(std::count_if(weights_.begin(), weights_.end(), [](double w) { return w > 0.0; }) >=
              routing.top_k(),
          "top_k exceeds the columns that can be drawn");
}

std::size_t TokenDraws::walk(std::span<const std::size_t> drawn, std::uint64_t word) const {
  double rest = 0.0;
  std::size_t last = 0;
  for (std::size_t c = 0; c < weights_.size(); ++c) {
    if (weights_[c] > 0.0 && !contains(drawn, c)) {
      rest += weights_[c];
      last = c;
    }
  }
  double at = rest * (static_cast<double>(word >> 12) + 0.5) * 0x1p-52;
  for (std::size_t c = 0; c < last; ++c) {
    if (weights_[c] > 0.0 && !contains(drawn, c)) {
      at -= weights_[c];
      if (at < 0.0) {
        return c;
      }
    }
  }
  return last;
}

}  // namespace moeplan::models
