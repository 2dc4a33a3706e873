#pragma once
// The points of a journal as a table for people.

#include <string>
#include <vector>

#include "calibrate/measurement/combined_point.hpp"
#include "calibrate/measurement/sweep.hpp"

namespace moeplan::calibrate {

// One line a point: median, spread within and between launches, samples, flags.
std::string points_table(const std::vector<CombinedPoint>& points);

// "[12/96] 12 %, 3 min left: dense/..." for a terminal.
std::string progress_line(const SweepProgress& progress);

}  // namespace moeplan::calibrate
