#pragma once
// ShareUncertainty: how far the strategies of a share may be off, given what is not known
// (sim/uncertainty/inputs.hpp): each is sized and priced anew in every drawn world, all tasks and
// strategies in the same one.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/share/share.hpp"
#include "sim/uncertainty/interval.hpp"
#include "sim/uncertainty/uncertainty.hpp"

namespace moeplan::sim {

struct StrategyIntervals {
  std::size_t strategy = 0;  // index into Share::strategies
  Interval engines;          // that the world calls for; infinite where no fleet serves
  Interval usd_per_month;    // of these
  // The fleet as planned is enough in the world - for every task where fleets are separate, with
  // its spare engines idle - and every task keeps to its own accuracy gate.
  Probability meets;
  // Can serve within the gates, and no other strategy that can does so for less money (ties count).
  Probability cheapest;
};

struct ShareUncertainty {
  std::int64_t draws = 0;
  std::uint64_t seed = 0;
  std::vector<StrategyIntervals> strategies;  // those that work, in their order
  std::vector<std::string> notes;             // sentences: what is drawn, and what stays
};

// Throws: InputError for tasks that would not see the same worlds: the keys of `uncertainty` must
// be equal (file and line of the other).
void refuse_different_worlds(const std::vector<Scenario>& scenarios);

// In every world the capacity of each engine is searched anew, the mixed traffic of a shared model
// is simulated hour by hour, and the policy of an adaptive fleet run. Variants and layouts stay as
// chosen: a world changes how many engines, not which. The level of every input is the same for all
// tasks, drawn from the first one's seed, but for accuracies of different curves, which are drawn
// apart. Deterministic in share and draws >= kFewestDraws; threads
// change nothing but the time taken.
// Throws: as refuse_different_worlds(); std::logic_error for fewer draws.
ShareUncertainty share_uncertainty(const Share& share, std::int64_t draws,
                                   const WorkOptions& options);

}  // namespace moeplan::sim
