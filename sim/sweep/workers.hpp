#pragma once
// Workers: threads that evaluate points of a sweep. Points are given and rows taken by one thread,
// which alone writes results, shows progress and talks to other ranks.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "sim/sweep/evaluate_task.hpp"

namespace moeplan::sim {

class Workers {
 public:
  // tasks must outlive the workers. threads >= 1.
  Workers(const TaskList& tasks, int threads, EvaluateOptions options);
  // Gives up what is waiting and waits for what runs (plans stop at the next design).
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void give(const std::vector<std::int64_t>& tasks);
  // Given and not begun.
  std::size_t waiting() const;
  // Given and not taken.
  std::size_t unfinished() const { return unfinished_; }
  int threads() const { return static_cast<int>(threads_.size()); }
  // Rows that are finished; waits up to `most` for a handful, or for all that were given.
  // Throws: what the evaluation of a point threw.
  std::vector<Row> take(std::chrono::milliseconds most);

 private:
  void work();

  const TaskList& tasks_;
  EvaluateOptions options_;
  std::size_t unfinished_ = 0;  // of the giving thread alone
  mutable std::mutex mutex_;
  std::condition_variable given_;
  std::condition_variable done_;
  std::deque<std::int64_t> waiting_;
  std::vector<Row> finished_;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace moeplan::sim
