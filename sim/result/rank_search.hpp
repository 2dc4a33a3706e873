#pragma once
// values_at: exact order statistics of many weighted values in two passes: values are counted in
// buckets by the leading bits of their double (so equal widths relative to the value), and only
// those in the buckets that hold a wanted rank are collected and sorted; a bucket that holds too
// many is searched the same way.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "models/units/require.hpp"

namespace moeplan::sim {

struct WeightedValue {
  double value = 0.0;
  std::int64_t count = 1;
};

namespace rank_search {

inline constexpr std::size_t kBuckets = 4096;
inline constexpr std::size_t kSortBelow = 512;
inline constexpr double kOctaves = 256.0;  // values below max / 256 share the first bucket

// Of values >= 0: increasing.
inline std::int64_t key(double value) { return std::bit_cast<std::int64_t>(value); }

class Buckets {
 public:
  Buckets(double min, double max) : low_(key(std::max(min, max / kOctaves))) {
    while ((key(max) - low_) >> shift_ >= static_cast<std::int64_t>(kBuckets)) {
      ++shift_;
    }
  }
  std::size_t of(double value) const {
    const std::int64_t above = key(value) - low_;
    return above > 0 ? static_cast<std::size_t>(above >> shift_) : 0;
  }

 private:
  std::int64_t low_;
  int shift_ = 0;
};

// Sorts the few items and reads off the ranks, which count from `passed`.
inline void read_off(std::vector<WeightedValue>& items, std::int64_t passed,
                     std::span<const std::int64_t> ranks, std::span<double> values) {
  std::sort(items.begin(), items.end(),
            [](const WeightedValue& a, const WeightedValue& b) { return a.value < b.value; });
  std::size_t item = 0;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    while (passed + items[item].count <= ranks[r]) {
      passed += items[item++].count;
    }
    values[r] = items[item].value;
  }
}

}  // namespace rank_search

// values[i] = the value at ranks[i] of the items, as below.
void values_at(std::span<const WeightedValue> items, std::span<const std::int64_t> ranks,
               std::span<double> values);

// values[i] = the value at ranks[i] (from 0, ascending, below the sum of counts) of what
// each(action) passes to action(value >= 0, count); min and max of these values are known.
// each must pass the same values every time.
template <class Each>
void values_at(const Each& each, double min, double max, std::span<const std::int64_t> ranks,
               std::span<double> values) {
  require(min >= 0.0, "order statistics are taken of values >= 0");
  if (min == max) {
    std::fill(values.begin(), values.end(), min);
    return;
  }
  const rank_search::Buckets buckets(min, max);
  std::vector<std::int64_t> counts(rank_search::kBuckets, 0);
  each([&](double value, std::int64_t count) { counts[buckets.of(value)] += count; });

  struct Wanted {
    std::size_t first_rank = 0;
    std::size_t rank_count = 0;
    std::int64_t passed = 0;  // values in the buckets before
    std::vector<WeightedValue> items;
  };
  std::vector<Wanted> wanted;
  std::vector<std::int8_t> index(rank_search::kBuckets, -1);  // into wanted
  std::int64_t passed = 0;
  std::size_t rank = 0;
  for (std::size_t b = 0; b < counts.size() && rank < ranks.size(); ++b) {
    const std::size_t first = rank;
    while (rank < ranks.size() && ranks[rank] < passed + counts[b]) {
      ++rank;
    }
    if (rank > first) {
      index[b] = static_cast<std::int8_t>(wanted.size());
      wanted.push_back(
          {.first_rank = first, .rank_count = rank - first, .passed = passed, .items = {}});
    }
    passed += counts[b];
  }
  require(rank == ranks.size(), "a rank beyond the number of values");
  each([&](double value, std::int64_t count) {
    const std::int8_t which = index[buckets.of(value)];
    if (which >= 0) {
      wanted[static_cast<std::size_t>(which)].items.push_back({value, count});
    }
  });
  for (Wanted& w : wanted) {
    const std::span<const std::int64_t> own = ranks.subspan(w.first_rank, w.rank_count);
    const std::span<double> out = values.subspan(w.first_rank, w.rank_count);
    if (w.items.size() < rank_search::kSortBelow) {
      rank_search::read_off(w.items, w.passed, own, out);
      continue;
    }
    std::vector<std::int64_t> within(own.begin(), own.end());
    for (std::int64_t& r : within) {
      r -= w.passed;
    }
    values_at(w.items, within, out);
  }
}

}  // namespace moeplan::sim
