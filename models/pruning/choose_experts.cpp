#include "models/pruning/choose_experts.hpp"

#include <algorithm>

namespace moeplan::models {
namespace {

// Insertion into the list of the best so far: top_k is small.
template <class Value>
void choose(std::size_t experts, std::vector<std::int32_t>& chosen, const Value& value) {
  std::size_t filled = 0;
  for (std::size_t e = 0; e < experts; ++e) {
    const double mine = value(e);
    if (filled == chosen.size() && !(mine > value(static_cast<std::size_t>(chosen[filled - 1])))) {
      continue;
    }
    std::size_t at = filled < chosen.size() ? filled++ : filled - 1;
    for (; at > 0 && mine > value(static_cast<std::size_t>(chosen[at - 1])); --at) {
      chosen[at] = chosen[at - 1];
    }
    chosen[at] = static_cast<std::int32_t>(e);
  }
}

}  // namespace

void choose_experts(const float* logits, const std::vector<double>& scores,
                    const std::vector<float>& bias, std::vector<std::int32_t>& chosen) {
  if (bias.empty()) {
    choose(scores.size(), chosen, [&](std::size_t e) { return static_cast<double>(logits[e]); });
  } else {
    choose(scores.size(), chosen,
           [&](std::size_t e) { return scores[e] + static_cast<double>(bias[e]); });
  }
}

}  // namespace moeplan::models
