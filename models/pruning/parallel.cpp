#include "models/pruning/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "models/units/require.hpp"

namespace moeplan::models {

void for_each_index(std::size_t count, int threads, const std::function<void(std::size_t)>& task) {
  require(threads >= 1, "work needs a thread");
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::exception_ptr first;
  std::size_t first_index = count;
  const auto work = [&] {
    for (std::size_t i = next++; i < count && !failed; i = next++) {
      try {
        task(i);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        failed = true;
        if (i < first_index) {
          first_index = i;
          first = std::current_exception();
        }
      }
    }
  };
  const std::size_t helpers = std::min(count, static_cast<std::size_t>(threads));
  std::vector<std::thread> running;
  for (std::size_t i = 1; i < helpers; ++i) {
    running.emplace_back(work);
  }
  work();
  for (std::thread& thread : running) {
    thread.join();
  }
  if (first) {
    std::rethrow_exception(first);
  }
}

}  // namespace moeplan::models
