#pragma once
// One point of a sweep, from its scenario to a row of headline figures.

#include <functional>
#include <optional>
#include <vector>

#include "sim/sweep/sweep_table.hpp"
#include "sim/sweep/task_list.hpp"

namespace moeplan::sim {

// What every row has behind the axes' columns: seed, status, reason, and the figures of the
// recommended design (plan) or the one design (simulate) under the names of interface.md.
//   status  ok; infeasible (reason says why); overloaded (simulate: the queue grows, so latencies
//           and money are absent); invalid (with skip_invalid: the values do not go together)
std::vector<Column> result_columns();

struct EvaluateOptions {
  int threads = 1;                       // inside one plan; they change nothing but the time taken
  bool skip_invalid = false;             // values that do not go together are a row, not an error
  std::optional<std::int64_t> requests;  // instead of those of the sweep: for a trial
  std::function<bool()> stop;            // asked now and then, from any thread: give up this point
};

// The row of a task; nothing when it was told to stop. Deterministic in the task.
// Throws: as TaskList::scenario, but for skip_invalid.
std::optional<Row> evaluate_task(const TaskList& tasks, std::int64_t task,
                                 const EvaluateOptions& options);

}  // namespace moeplan::sim
