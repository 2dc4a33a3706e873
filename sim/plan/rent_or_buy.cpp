#include "sim/plan/rent_or_buy.hpp"

#include <algorithm>

namespace moeplan::sim {

bool is_by_the_hour(const std::string& tier) { return tier == "on_demand" || tier == "spot"; }

std::vector<TenureRow> rent_or_buy(const Scenario& scenario, const Design& design) {
  std::vector<TenureRow> rows;
  if (design.prefill || design.replicas < 1) {
    return rows;
  }
  const models::Gpu& gpu = scenario.hardware[design.candidate.hardware].gpu;
  for (const std::string& tier : models::price_tiers()) {
    PriceOptions options = scenario.prices;
    options.tiers = {tier};
    if (tier == "owned") {
      options.provider.clear();
    }
    const auto offer =
        cheapest_offer(options, gpu.id, design.candidate.gpus, gpu.gpus_per_node, design.replicas);
    const auto* found = std::get_if<Offer>(&offer);
    if (found == nullptr) {
      continue;
    }
    const auto instances = static_cast<double>(found->instances);
    rows.push_back({.tier = tier,
                    .price_id = found->price->id,
                    .provider = found->price->provider,
                    .instances = found->instances,
                    .paid_gpus = found->instances * found->price->gpus,
                    .as_of = found->price->as_of,
                    .by_the_hour = is_by_the_hour(tier),
                    .usd_per_month = (found->price->rent * instances).value() * kSecondsPerMonth,
                    .break_even_hours_per_day = std::nullopt});
  }
  const auto by_hour = std::find_if(rows.begin(), rows.end(),
                                    [](const TenureRow& row) { return row.tier == "on_demand"; });
  if (by_hour != rows.end()) {
    for (TenureRow& row : rows) {
      if (!row.by_the_hour) {
        row.break_even_hours_per_day = 24.0 * row.usd_per_month / by_hour->usd_per_month;
      }
    }
  }
  return rows;
}

}  // namespace moeplan::sim
