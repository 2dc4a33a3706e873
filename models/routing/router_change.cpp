#include "models/routing/router_change.hpp"

#include <numeric>

#include "models/units/require.hpp"

namespace moeplan::models {

RouterChange router_change(const Routing& before, const Routing& after, RouterMode mode,
                           const std::vector<ExpertId>& kept, const GateRule& rule) {
  RouterChange change{.top_k_before = before.effective_top_k(),
                      .top_k_after = after.effective_top_k(),
                      .skew_before = before.skew(),
                      .skew_after = after.skew()};
  if (mode == RouterMode::reinitialised) {
    return change;
  }
  change.output_scale = 1.0;
  if (mode == RouterMode::sliced && rule.softmax && !rule.normalised) {
    require(static_cast<std::int64_t>(kept.size()) == after.experts(),
            "a sliced router has the columns of the experts kept");
    std::vector<bool> stays(static_cast<std::size_t>(before.experts()), false);
    for (const ExpertId expert : kept) {
      stays.at(static_cast<std::size_t>(expert.index())) = true;
    }
    const std::vector<double>& weights = before.weights();
    double share = 0.0;
    for (std::size_t c = 0; c < weights.size(); ++c) {
      share += stays[static_cast<std::size_t>(before.expert_of()[c])] ? weights[c] : 0.0;
    }
    const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
    change.output_scale = all / share;
  }
  return change;
}

}  // namespace moeplan::models
