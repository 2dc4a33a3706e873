#include "sim/sweep/run_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>

#include "models/pruning/parallel.hpp"
#include "sim/sweep/workers.hpp"

namespace moeplan::sim {
namespace {

using Clock = std::chrono::steady_clock;

// A finished point is on disk after so long at the latest.
constexpr std::chrono::milliseconds kTakeEvery{5};

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(seconds));
  if (whole < 60) {
    return fmt::format("{} s", whole);
  }
  return whole < 3600 ? fmt::format("{} min {} s", whole / 60, whole % 60)
                      : fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace

std::optional<double> SweepProgress::seconds_left() const {
  if (work_done <= 0.0) {
    return std::nullopt;
  }
  return seconds * (work_total - work_done) / work_done;
}

std::string SweepProgress::text() const {
  const std::optional<double> left = seconds_left();
  return fmt::format("{} of {} points, {:.3g} points/s{}", done, total, points_per_s(),
                     left ? ", " + duration_text(*left) + " left" : "");
}

std::vector<double> predicted_work(const TaskList& tasks) {
  std::vector<double> work;
  for (std::int64_t task = 0; task < tasks.size(); ++task) {
    work.push_back(tasks.predicted_work(task));
  }
  return work;
}

void check_tasks(const TaskList& tasks, const std::vector<std::int64_t>& which, int threads) {
  std::mutex mutex;
  std::int64_t first = -1;  // of the tasks that are wrong: the same whoever finds it
  std::exception_ptr failure;
  models::for_each_index(which.size(), threads, [&](std::size_t i) {
    try {
      tasks.check(which[i]);
    } catch (const InputError&) {
      const std::lock_guard lock(mutex);
      if (first < 0 || which[i] < first) {
        first = which[i];
        failure = std::current_exception();
      }
    }
  });
  if (!failure) {
    return;
  }
  try {
    std::rethrow_exception(failure);
  } catch (const InputError& error) {
    std::vector<Problem> problems = error.problems();
    if (!tasks.axes().empty()) {
      for (Problem& problem : problems) {
        problem.what = fmt::format("at {}: {}", tasks.describe(first), problem.what);
      }
    }
    throw InputError(std::move(problems));
  }
}

std::int64_t run_sweep(const TaskList& tasks, const std::vector<std::int64_t>& which,
                       const RunSweepOptions& options) {
  if (which.empty()) {
    return 0;
  }
  SweepProgress progress{.total = static_cast<std::int64_t>(which.size())};
  for (const std::int64_t task : which) {
    progress.work_total += tasks.predicted_work(task);
  }
  // With fewer points than threads the others help inside the points.
  const int threads = static_cast<int>(
      std::min<std::size_t>(static_cast<std::size_t>(options.threads), which.size()));
  const Clock::time_point begin = Clock::now();
  Workers workers(tasks, threads,
                  {.threads = options.threads / threads, .skip_invalid = options.skip_invalid});
  workers.give(which);
  while (workers.unfinished() > 0 && !(options.stop && options.stop())) {
    for (const Row& row : workers.take(kTakeEvery)) {
      options.finished(row);
      ++progress.done;
      progress.work_done += tasks.predicted_work(row.task);
    }
    progress.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (options.progress) {
      options.progress(progress);
    }
  }
  return progress.done;
}

}  // namespace moeplan::sim
