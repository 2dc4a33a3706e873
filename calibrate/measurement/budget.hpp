#pragma once
// choose_points: which points of a grid fit into the time given, the ones that say most first.

#include <cstdint>
#include <string>
#include <vector>

#include "models/units/quantity.hpp"

namespace moeplan::calibrate {

struct GridPoint {
  std::string id;
  int level = 0;  // 0: the coarsest grid, without which no law can be fitted; higher: finer
  Seconds call;   // expected duration of one call, from rough rates
};

struct GridChoice {
  std::vector<std::string> plan;  // sorted
  Seconds expected;               // of the whole sweep
  int level = 0;                  // finest level that is in it, if only in part
};

// Expected time of a visit: set-up, warm-up and samples (stop_rule.hpp): 0.6 s, or 50 calls where
// these take longer.
Seconds visit_time(Seconds call);

// Level by level, in a seeded order within each; a point that no longer fits is left out. Level 0
// is always in, even where it does not fit. The choice depends on the arguments alone.
GridChoice choose_points(const std::vector<GridPoint>& grid, Seconds budget, int visits_of_a_point,
                         std::uint64_t seed);

}  // namespace moeplan::calibrate
