#pragma once
// Share: several tasks and one model: a fleet and a pruned variant each, one variant for all, or
// engines that change their variant over the day; which is cheapest within every task's gates.

#include <optional>
#include <string>
#include <vector>

#include "sim/share/strategy.hpp"

namespace moeplan::sim {

struct Share {
  std::vector<ShareTask> tasks;
  AdaptationOptions options;
  std::vector<Strategy> strategies;        // separate, shared, adaptive
  std::optional<std::size_t> recommended;  // index into strategies
  std::vector<std::string> reasons;        // sentences
  std::vector<std::string> warnings;       //
};

// The cheapest that works; ties: the fewest engines, then the order of the list.
std::optional<std::size_t> cheapest_strategy(const std::vector<Strategy>& strategies);

// scenarios: as loaded. Deterministic; threads change nothing but the time taken.
// Throws: as refuse_unshared().
Share make_share(const std::vector<Scenario>& scenarios, const AdaptationOptions& options,
                 const PlanOptions& plan);

// What a comparison says in sentences (share_reasons.cpp).
std::vector<std::string> share_reasons(const Share& share);
std::vector<std::string> share_warnings(const Share& share);

// "64 experts", "dense".
std::string variant_text(const Design& design);

}  // namespace moeplan::sim
