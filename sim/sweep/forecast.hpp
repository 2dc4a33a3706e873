#pragma once
// What a sweep will take, from trying one of its points with few requests.

#include <cstdint>
#include <vector>

#include "sim/sweep/task_list.hpp"

namespace moeplan::sim {

struct SweepForecast {
  std::int64_t points = 0;
  double seconds = 0.0;  // on `threads` threads
  double bytes = 0.0;    // at the largest
};

// Evaluates the point of median predicted work twice, with few requests, and extends the line
// through both times to all points: within a factor of two where points are alike. Of `threads`
// points at a time, the largest ones, for memory.
// Throws: as evaluate_task.
SweepForecast forecast(const TaskList& tasks, const std::vector<std::int64_t>& which, int threads);

}  // namespace moeplan::sim
