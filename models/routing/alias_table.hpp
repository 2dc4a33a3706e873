#pragma once
// AliasTable: picks an index with chances proportional to weights, in constant time per pick.
// Source: M. D. Vose, A linear algorithm for generating random numbers with a given distribution,
// IEEE Trans. Software Engineering 17 (1991) 972-975.

#include <cstdint>
#include <vector>

namespace moeplan::models {

class AliasTable {
 public:
  // Throws: std::logic_error unless the weights are finite, >= 0 and one is positive; at most 2^31.
  explicit AliasTable(const std::vector<double>& weights);

  std::size_t size() const { return cells_.size(); }
  // 64 random bits to an index: the upper half of word x size chooses a cell, the lower half one of
  // its two indices. Chances are those of the weights to 1e-15 of their sum.
  std::size_t pick(std::uint64_t word) const;

 private:
  struct Cell {
    std::uint64_t threshold = 0;  // lower halves below it stay
    std::uint32_t stay = 0;
    std::uint32_t other = 0;
  };
  std::vector<Cell> cells_;
};

}  // namespace moeplan::models
