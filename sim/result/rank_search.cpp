#include "sim/result/rank_search.hpp"

namespace moeplan::sim {

void values_at(std::span<const WeightedValue> items, std::span<const std::int64_t> ranks,
               std::span<double> values) {
  const auto [low, high] = std::minmax_element(
      items.begin(), items.end(),
      [](const WeightedValue& a, const WeightedValue& b) { return a.value < b.value; });
  const auto each = [&](const auto& action) {
    for (const WeightedValue& item : items) {
      action(item.value, item.count);
    }
  };
  values_at(each, low->value, high->value, ranks, values);
}

}  // namespace moeplan::sim
