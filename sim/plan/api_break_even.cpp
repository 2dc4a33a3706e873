#include "sim/plan/api_break_even.hpp"

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// Fleets that are looked at: with more engines a whole instance more or less is no matter.
constexpr std::int64_t kMostEngines = 4096;

}  // namespace

std::optional<ApiBreakEven> api_break_even(const Scenario& scenario, const Design& design) {
  const Workload& w = scenario.workload;
  if (!scenario.prices.api_input || w.closed_loop ||
      scenario.objectives.search == SearchGoal::most_traffic) {
    return std::nullopt;
  }
  require(design.capacity.load > 0.0, "a judged design has a capacity");
  const double tokens = w.mean_input() + w.mean_output();
  const double per_request = scenario.prices.api_input->value() * w.mean_input() +
                             scenario.prices.api_output->value() * w.mean_output();
  ApiBreakEven result;
  result.api_usd_per_month = per_request * wanted_load(w) * kSecondsPerMonth;
  result.api_usd_per_million_tokens = per_request / tokens * 1e6;
  result.own_usd_per_month = design.money.usd_per_month;
  result.break_even_usd_per_million_tokens = design.money.usd_per_million_tokens;
  const models::Gpu& gpu = scenario.hardware[design.candidate.hardware].gpu;
  // Engines 1, 2, ... carry up to engine_load each; the API costs what they rent for at `equal`.
  bool won = false;
  for (std::int64_t needed = 1; needed <= kMostEngines; ++needed) {
    const auto offer = cheapest_offer(scenario.prices, gpu.id, design.candidate.gpus,
                                      gpu.gpus_per_node, needed + scenario.spare_engines);
    const Offer& found = std::get<Offer>(offer);  // the design has one, and books do not run out
    const double equal =
        found.price->rent.value() * static_cast<double>(found.instances) / per_request;
    const double least = static_cast<double>(needed - 1) * design.capacity.load;
    const double most = static_cast<double>(needed) * design.capacity.load;
    if (equal > most) {
      won = false;
      result.wins_always_from.reset();
      continue;
    }
    const double from = std::max(equal, least);
    if (!result.wins_from) {
      result.wins_from = from;
    }
    if (!won || equal > least) {
      result.wins_always_from = from;
    }
    won = true;
  }
  return result;
}

}  // namespace moeplan::sim
