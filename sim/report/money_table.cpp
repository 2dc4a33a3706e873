#include "sim/report/money_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/plan/reasons.hpp"

namespace moeplan::sim {

TextTable money_table(const std::vector<const Design*>& designs, const Scenario& scenario) {
  const bool owned = std::any_of(designs.begin(), designs.end(),
                                 [](const Design* d) { return d->money.owned.has_value(); });
  std::vector<std::string> header = {"design",    "offer",     "tier",     "seen",
                                     "instances", "idle GPUs", "USD/month"};
  if (owned) {
    header.insert(header.end(), {"capital", "energy", "hosting", "operations", "licences"});
  }
  header.emplace_back("J/token");
  TextTable table(std::move(header));
  for (const Design* d : designs) {
    const Money& m = d->money;
    std::vector<std::string> row = {describe(*d, scenario),
                                    fmt::format("{} {}", m.provider, m.instance),
                                    m.tier,
                                    m.as_of.text(),
                                    fmt::format("{}", m.instances),
                                    fmt::format("{}", m.stranded_gpus),
                                    fmt::format("{:.0f}", m.usd_per_month)};
    if (owned) {
      const auto month = [&](UsdPerSecond models::OwnedCost::*part) {
        return m.owned ? fmt::format("{:.0f}", ((*m.owned).*part).value() * kSecondsPerMonth)
                       : std::string("-");
      };
      for (const auto part :
           {&models::OwnedCost::capital, &models::OwnedCost::energy, &models::OwnedCost::hosting,
            &models::OwnedCost::operations, &models::OwnedCost::licences}) {
        row.push_back(month(part));
      }
    }
    row.push_back(fmt::format("{:.3g}", models::in_joules(d->energy)));
    table.add(std::move(row));
  }
  return table;
}

}  // namespace moeplan::sim
