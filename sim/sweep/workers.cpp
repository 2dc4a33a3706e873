#include "sim/sweep/workers.hpp"

#include <algorithm>
#include <utility>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// Rows that are worth waking the other thread for, which would push a worker off its core.
constexpr std::size_t kHandful = 16;

}  // namespace

Workers::Workers(const TaskList& tasks, int threads, EvaluateOptions options)
    : tasks_(tasks), options_(std::move(options)) {
  require(threads >= 1, "a sweep needs a thread");
  options_.stop = [this] {
    const std::lock_guard lock(mutex_);
    return stopping_;
  };
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  given_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void Workers::give(const std::vector<std::int64_t>& tasks) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.insert(waiting_.end(), tasks.begin(), tasks.end());
  }
  unfinished_ += tasks.size();
  given_.notify_all();
}

std::size_t Workers::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

std::vector<Row> Workers::take(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  done_.wait_for(lock, most, [this] {
    return failure_ || (!finished_.empty() && finished_.size() >= std::min(kHandful, unfinished_));
  });
  if (failure_) {
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
  unfinished_ -= finished_.size();
  return std::exchange(finished_, {});
}

void Workers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    given_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) {
      return;
    }
    const std::int64_t task = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    std::optional<Row> row;
    std::exception_ptr failure;
    try {
      row = evaluate_task(tasks_, task, options_);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (row) {
      finished_.push_back(std::move(*row));
    }
    failure_ = failure ? failure : failure_;
    if (failure_ || waiting_.empty() || finished_.size() >= kHandful) {
      done_.notify_one();
    }
  }
}

}  // namespace moeplan::sim
