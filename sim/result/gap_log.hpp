#pragma once
// GapLog: the gaps between tokens of a run, one entry per step: how long, and how many sequences
// saw it. Eight bytes an entry (48 bits of picoseconds, 16 bits of count), so that the tens of
// millions of steps of a long run stay in memory; what does not fit them is kept in full beside.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

// One decode gap shared by `count` sequences of a step.
struct TokenGap {
  SimDuration gap;
  std::int64_t count = 0;
};

class GapLog {
 public:
  // gap >= 0, count >= 1.
  void push_back(SimDuration gap, std::int64_t count) {
    const auto ps = static_cast<std::uint64_t>(gap.picoseconds());
    const auto sequences = static_cast<std::uint64_t>(count);
    if (((ps >> kGapBits) | (sequences >> kCountBits)) != 0) {
      large_.push_back({gap, count});
      return;
    }
    if (used_ == kChunk) {
      grow();
    }
    back_[used_++] = ps << kCountBits | sequences;
  }

  bool empty() const { return chunks_.empty() && large_.empty(); }

  // Calls action(picoseconds, count) for every entry; entries too large for the short form last.
  template <class Action>
  void for_each(Action action) const {
    for (std::size_t c = 0; c < chunks_.size(); ++c) {
      const std::uint64_t* chunk = chunks_[c].get();
      const std::size_t size = c + 1 == chunks_.size() ? used_ : kChunk;
      for (std::size_t i = 0; i < size; ++i) {
        action(static_cast<std::int64_t>(chunk[i] >> kCountBits),
               static_cast<std::int64_t>(chunk[i] & ((std::uint64_t{1} << kCountBits) - 1)));
      }
    }
    for (const TokenGap& gap : large_) {
      action(gap.gap.picoseconds(), gap.count);
    }
  }

 private:
  static constexpr unsigned kCountBits = 16;
  static constexpr unsigned kGapBits = 64 - kCountBits;
  static constexpr std::size_t kChunk = 8192;  // 64 KiB

  void grow() {
    chunks_.push_back(std::make_unique_for_overwrite<std::uint64_t[]>(kChunk));
    back_ = chunks_.back().get();
    used_ = 0;
  }

  std::vector<std::unique_ptr<std::uint64_t[]>> chunks_;
  std::uint64_t* back_ = nullptr;
  std::size_t used_ = kChunk;  // entries of the last chunk
  std::vector<TokenGap> large_;
};

}  // namespace moeplan::sim
