#pragma once
// for_each_index: independent pieces of work on several threads.

#include <cstddef>
#include <functional>

namespace moeplan::sim {

struct WorkOptions {
  int threads = 1;
  // Called after each piece, from any thread, one call at a time: done, total. What it throws ends
  // the work (pieces that run are finished) and leaves for_each_index.
  std::function<void(std::size_t, std::size_t)> progress;
};

// work(i) for every i < count, each once, on at most that many threads. Pieces must not depend on
// each other: they run in any order. What a piece throws ends the work, too.
void for_each_index(std::size_t count, const WorkOptions& options,
                    const std::function<void(std::size_t)>& work);

}  // namespace moeplan::sim
