#pragma once
// Runs a sweep, or a shard of it, on the threads of this process.

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/sweep/task_list.hpp"

namespace moeplan::sim {

// How far a run is. Work is what TaskList predicts: points differ.
struct SweepProgress {
  std::int64_t done = 0;   // points of this run
  std::int64_t total = 0;  //
  double work_done = 0.0;
  double work_total = 0.0;
  double seconds = 0.0;  // since the first point began

  double points_per_s() const { return seconds > 0.0 ? static_cast<double>(done) / seconds : 0.0; }
  // At the rate of the work so far; nothing before the first point.
  std::optional<double> seconds_left() const;
  // "1234 of 10000 points, 56.7 points/s, 2 min 35 s left".
  std::string text() const;
};

struct RunSweepOptions {
  int threads = 1;
  bool skip_invalid = false;
  std::function<void(const Row&)> finished;            // each row, once
  std::function<void(const SweepProgress&)> progress;  // now and then; may be empty
  std::function<bool()> stop;                          // asked ten times a second and more
};

// Predicted work of every task of a list.
std::vector<double> predicted_work(const TaskList& tasks);

// Checks every point's scenario before the first one runs (unless invalid ones are to be skipped),
// on `threads` threads. Throws: InputError of the first task that is wrong, saying which point.
void check_tasks(const TaskList& tasks, const std::vector<std::int64_t>& which, int threads);

// Evaluates these points in this order. Everything but the order of `finished` is independent of
// the threads. Returns how many finished: fewer only after stop().
// Throws: what an evaluation or a callback throws; finished rows have been handed over before.
std::int64_t run_sweep(const TaskList& tasks, const std::vector<std::int64_t>& which,
                       const RunSweepOptions& options);

}  // namespace moeplan::sim
