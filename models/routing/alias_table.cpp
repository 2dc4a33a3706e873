#include "models/routing/alias_table.hpp"

#include <cmath>
#include <numeric>

#include "models/units/require.hpp"

namespace moeplan::models {

AliasTable::AliasTable(const std::vector<double>& weights) : cells_(weights.size()) {
  require(weights.size() < (std::size_t{1} << 31), "an alias table of at most 2^31 weights");
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  require(std::isfinite(total) && total > 0.0, "weights are finite and one is positive");
  // Every cell holds 1 / size of all chances: its own where that is less, filled up by one other.
  std::vector<double> left;  // chance x size still to be placed
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    require(weights[i] >= 0.0, "weights are not negative");
    left.push_back(weights[i] / total * static_cast<double>(weights.size()));
    (left.back() < 1.0 ? small : large).push_back(static_cast<std::uint32_t>(i));
  }
  const auto fill = [&](std::uint32_t i, std::uint32_t other) {
    const bool full = left[i] >= 1.0 || i == other;
    cells_[i] = {full ? ~std::uint64_t{0} : static_cast<std::uint64_t>(left[i] * 0x1p64), i, other};
  };
  while (!small.empty() && !large.empty()) {
    const std::uint32_t i = small.back();
    const std::uint32_t other = large.back();
    small.pop_back();
    fill(i, other);
    left[other] -= 1.0 - left[i];
    if (left[other] < 1.0) {
      large.pop_back();
      small.push_back(other);
    }
  }
  for (const std::uint32_t i : large) {
    fill(i, i);
  }
  for (const std::uint32_t i : small) {  // 1 up to rounding; those of no weight were filled up
    fill(i, i);
  }
}

std::size_t AliasTable::pick(std::uint64_t word) const {
  using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(word) * cells_.size();
  const Cell& cell = cells_[static_cast<std::size_t>(product >> 64)];
  return static_cast<std::uint64_t>(product) < cell.threshold ? cell.stay : cell.other;
}

}  // namespace moeplan::models
