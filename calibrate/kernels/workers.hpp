#pragma once
// Workers: a fixed number of threads that share out the indices of a loop.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace moeplan::calibrate {

class Workers {
 public:
  // threads >= 1, the caller's among them.
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int threads() const { return static_cast<int>(others_.size()) + 1; }
  // body(index, thread) for every index below count, in any order; returns when all are done.
  // body must not throw.
  void run(std::int64_t count, const std::function<void(std::int64_t, int)>& body);

 private:
  void work(int thread);
  void wait_for_work(int thread);

  std::vector<std::thread> others_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(std::int64_t, int)>* body_ = nullptr;
  std::atomic<std::int64_t> next_{0};
  std::int64_t count_ = 0;
  std::uint64_t round_ = 0;
  int busy_ = 0;
  bool ends_ = false;
};

}  // namespace moeplan::calibrate
