#pragma once
// for_each_index: independent tasks on several threads. Results go to places of their own, so that
// nothing depends on the number of threads or their order.

#include <cstddef>
#include <functional>

namespace moeplan::models {

// task(0) .. task(count - 1), the next free one to the next free thread. threads >= 1.
// Throws: what the first failing task threw (by index among those that failed); no new task starts
// after a failure.
void for_each_index(std::size_t count, int threads, const std::function<void(std::size_t)>& task);

}  // namespace moeplan::models
