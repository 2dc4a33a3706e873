#pragma once
// Earliest: one instant per index and the smallest of them, for many changes between questions. A
// change is O(1), a question looks at the blocks of 64 that changed and at the least of each block.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

class Earliest {
 public:
  static constexpr SimTime kNever{std::numeric_limits<std::int64_t>::max()};

  void push_back() {
    times_.push_back(kNever);
    if (times_.size() > least_.size() * kBlock) {
      least_.push_back(kNever);
      is_stale_.push_back(false);
    }
  }
  SimTime operator[](std::size_t index) const { return times_[index]; }

  void set(std::size_t index, SimTime time) {
    const std::size_t block = index / kBlock;
    if (times_[index] == least_[block] && time > times_[index] && !is_stale_[block]) {
      is_stale_[block] = true;
      stale_.push_back(block);
    }
    times_[index] = time;
    least_[block] = std::min(least_[block], time);
  }

  // kNever when there is none.
  SimTime least() {
    for (const std::size_t block : stale_) {
      is_stale_[block] = false;
      const auto begin = times_.begin() + static_cast<std::ptrdiff_t>(block * kBlock);
      const std::size_t size = std::min(kBlock, times_.size() - block * kBlock);
      least_[block] = *std::min_element(begin, begin + static_cast<std::ptrdiff_t>(size));
    }
    stale_.clear();
    return least_.empty() ? kNever : *std::min_element(least_.begin(), least_.end());
  }

  // Calls visit(index), ascending, for each index at exactly this time, which is least(); visit
  // may set its own index.
  template <class Visit>
  void for_each_at(SimTime time, Visit visit) {
    for (std::size_t block = 0; block < least_.size(); ++block) {
      if (least_[block] != time) {
        continue;
      }
      const std::size_t end = std::min((block + 1) * kBlock, times_.size());
      for (std::size_t i = block * kBlock; i < end; ++i) {
        if (times_[i] == time) {
          visit(i);
        }
      }
    }
  }

 private:
  static constexpr std::size_t kBlock = 64;
  std::vector<SimTime> times_;
  std::vector<SimTime> least_;  // per block; too small where stale
  std::vector<bool> is_stale_;
  std::vector<std::size_t> stale_;
};

}  // namespace moeplan::sim
