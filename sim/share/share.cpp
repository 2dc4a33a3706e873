#include "sim/share/share.hpp"

namespace moeplan::sim {

std::optional<std::size_t> cheapest_strategy(const std::vector<Strategy>& strategies) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < strategies.size(); ++i) {
    const Strategy& s = strategies[i];
    if (s.works() &&
        (!best || s.rent < strategies[*best].rent ||
         (s.rent == strategies[*best].rent && s.engines < strategies[*best].engines))) {
      best = i;
    }
  }
  return best;
}

Share make_share(const std::vector<Scenario>& scenarios, const AdaptationOptions& options,
                 const PlanOptions& plan) {
  Share share;
  share.options = options;
  share.tasks = plan_tasks(scenarios, plan);
  share.strategies.push_back(separate_fleets(share.tasks, options));
  share.strategies.push_back(shared_model(share.tasks, options, plan));
  share.strategies.push_back(adaptive_fleet(share.tasks, options));
  share.recommended = cheapest_strategy(share.strategies);
  share.reasons = share_reasons(share);
  share.warnings = share_warnings(share);
  return share;
}

}  // namespace moeplan::sim
