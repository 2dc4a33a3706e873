#include "sim/plan/pruning_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moeplan::sim {
namespace {

PruningRow row_of(std::int64_t kept, const std::vector<Design>& designs,
                  const std::vector<Infeasible>& infeasible) {
  PruningRow row{.experts_kept = kept};
  bool refused = false;  // by the gate alone
  bool missed = false;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const Design& d = designs[i];
    if (d.candidate.experts_kept != kept) {
      continue;
    }
    const bool served = d.verdict != Verdict::missed;
    refused = refused || (served && !d.accuracy_allowed);
    missed = missed || !served;
    if (served && d.accuracy_allowed &&
        (!row.design || d.money.usd_per_month < designs[*row.design].money.usd_per_month)) {
      row.design = i;
    }
  }
  if (row.design) {
    row.binding = "none";
    return row;
  }
  if (refused) {
    row.binding = "accuracy";
    row.reason = "loses more accuracy than objectives.accuracy_loss allows";
    return row;
  }
  std::map<std::string, int> codes;
  for (const Infeasible& why : infeasible) {
    if (why.candidate.experts_kept == kept) {
      ++codes[why.code];
    }
  }
  const auto most = std::max_element(
      codes.begin(), codes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == codes.end()) {
    row.binding = "latency";
    row.reason = missed ? "every design misses a latency objective" : "no design was tried";
    return row;
  }
  row.binding = most->first;
  const auto example = std::find_if(infeasible.begin(), infeasible.end(), [&](const auto& why) {
    return why.candidate.experts_kept == kept && why.code == most->first;
  });
  row.reason = example->reason;
  return row;
}

// As Design::accuracy_allowed, of any count.
std::optional<std::int64_t> fewest_by_accuracy(const Scenario& scenario) {
  if (!scenario.accuracy || !scenario.objectives.accuracy_loss) {
    return std::nullopt;
  }
  std::optional<std::int64_t> fewest;
  for (std::int64_t kept = scenario.accuracy->largest(); kept >= scenario.accuracy->smallest();
       --kept) {
    const auto change = scenario.accuracy->change(kept);
    if (!change || -change->value > *scenario.objectives.accuracy_loss + 1e-12) {
      break;
    }
    fewest = kept;
  }
  return fewest;
}

}  // namespace

std::optional<PruningLimit> pruning_limit(const Scenario& scenario,
                                          const std::vector<Design>& designs,
                                          const std::vector<Infeasible>& infeasible) {
  if (scenario.experts_kept.size() < 2) {
    return std::nullopt;
  }
  std::vector<std::int64_t> counts = scenario.experts_kept;
  std::sort(counts.rbegin(), counts.rend());
  PruningLimit limit;
  for (const std::int64_t kept : counts) {
    limit.rows.push_back(row_of(kept, designs, infeasible));
  }
  limit.fewest_by_accuracy = fewest_by_accuracy(scenario);
  const auto last = std::find_if(limit.rows.rbegin(), limit.rows.rend(),
                                 [](const PruningRow& row) { return row.design.has_value(); });
  if (last == limit.rows.rend()) {
    limit.binding = limit.rows.front().binding;
    limit.reason = limit.rows.front().reason;
    return limit;
  }
  limit.fewest = last->experts_kept;
  if (last == limit.rows.rbegin()) {
    limit.binding = "none";
    limit.reason =
        fmt::format("{} experts are the fewest that were tried, and they work", last->experts_kept);
  } else {
    limit.binding = (last - 1)->binding;
    limit.reason = fmt::format("{} experts: {}", (last - 1)->experts_kept, (last - 1)->reason);
  }
  return limit;
}

}  // namespace moeplan::sim
