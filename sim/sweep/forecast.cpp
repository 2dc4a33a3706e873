#include "sim/sweep/forecast.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "sim/sweep/evaluate_task.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kFew = 200;       // requests of the shorter trial
constexpr double kBytesOfRequest = 120;  // of a run: record, gaps, arrivals, sorted copies

double seconds_of(const TaskList& tasks, std::int64_t task, std::int64_t requests) {
  const auto begin = std::chrono::steady_clock::now();
  evaluate_task(tasks, task, {.threads = 1, .skip_invalid = true, .requests = requests});
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

SweepForecast forecast(const TaskList& tasks, const std::vector<std::int64_t>& which, int threads) {
  SweepForecast out{.points = static_cast<std::int64_t>(which.size())};
  if (which.empty()) {
    return out;
  }
  std::vector<std::int64_t> sorted = which;
  std::sort(sorted.begin(), sorted.end(), [&](std::int64_t a, std::int64_t b) {
    return tasks.predicted_work(a) < tasks.predicted_work(b);
  });
  const std::int64_t middle = sorted[sorted.size() / 2];
  if (tasks.is_static()) {  // no requests: all points are alike
    seconds_of(tasks, middle, kFew);
    out.seconds = seconds_of(tasks, middle, kFew) * static_cast<double>(which.size());
  }
  seconds_of(tasks, middle, kFew);  // reads the files
  const double few = seconds_of(tasks, middle, kFew);
  const double more = seconds_of(tasks, middle, 2 * kFew);
  const double per_request = std::max(0.0, (more - few) / kFew);
  const double fixed = std::max(0.0, few - per_request * kFew);
  // Requests of a run: predicted work without the number of runs.
  const auto requests_of = [&](std::int64_t task) {
    return tasks.options().requests ? static_cast<double>(*tasks.options().requests)
                                    : tasks.values(task).number("workload.requests");
  };
  const double unit = tasks.predicted_work(middle) / requests_of(middle);
  for (const std::int64_t task : which) {
    const double work = tasks.predicted_work(task) / unit;  // requests of so many designs
    out.seconds += fixed * work / requests_of(task) + per_request * work;
  }
  out.seconds /= static_cast<double>(std::min<std::size_t>(which.size(), std::size_t(threads)));
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  out.bytes = static_cast<double>(usage.ru_maxrss) * 1024.0;
  for (std::size_t i = 0; i < std::min<std::size_t>(sorted.size(), std::size_t(threads)); ++i) {
    const std::int64_t task = sorted[sorted.size() - 1 - i];
    const bool together = tasks.options().evaluation == Evaluation::simulate &&
                          tasks.values(task).text("parallelism.replica_router") != "split";
    out.bytes += kBytesOfRequest * requests_of(task) *
                 (together ? static_cast<double>(tasks.options().replicas) : 1.0);
  }
  return out;
}

}  // namespace moeplan::sim
