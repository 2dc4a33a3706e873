#pragma once
// One point of a sweep of static forward passes (engine.regime: static_forward): its row, with the
// terms of the pass as columns. Closed forms: a point takes microseconds, and there is no seed.

#include <string>
#include <vector>

#include "sim/scenario/static_scenario.hpp"
#include "sim/sweep/sweep_table.hpp"

namespace moeplan::sim {

// What every row has behind the axes' columns: status, reason, design, forward_s with its band
// (absent outside the range of the law's fit), the terms that add up to it, buffers and memory of
// one GPU. Names are those of `moeplan simulate --format json` of such a scenario.
//   status  ok; infeasible (reason says why; its times stand all the same where it can be priced);
//           invalid (with skip_invalid: the values do not go together)
std::vector<Column> static_columns();

// The cells of these columns for a scenario of one pass.
// Throws: std::logic_error for one of several (TaskList::static_scenario refuses it).
std::vector<Cell> static_cells(const StaticScenario& scenario);
// Those of a point whose values do not go together.
std::vector<Cell> invalid_static_cells(const std::string& reason);

}  // namespace moeplan::sim
