#pragma once
// Scorecards of one machine or several as a Page: what `moeplan scorecard` prints.

#include <optional>
#include <string>
#include <vector>

#include "app/inspect_page.hpp"
#include "calibrate/scorecard/scorecard.hpp"

namespace moeplan::app {

struct ScoredMachine {
  std::string name;       // of the profile, or of the GPU for data-sheet laws
  std::string hardware;   // catalog id of the GPU
  bool measured = false;  // a profile, not a data sheet alone
  std::optional<UsdPerSecond> rent_per_gpu;
  std::string price;  // where the rent comes from, or why there is none
  calibrate::Scorecard card;
};

// One machine: every point. Several: geometric means over the points that all of them have, each
// beside its ratio to the first. Programs get every point in either case.
Page scorecard_page(const calibrate::ScorecardWorkload& workload,
                    const std::vector<ScoredMachine>& machines);

}  // namespace moeplan::app
