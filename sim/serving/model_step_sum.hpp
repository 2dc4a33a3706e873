#pragma once
// Private to ModelStepCost (model_step_*.cpp): one part of a step, kept once it is priced.

#include <array>

#include "sim/serving/model_step_cost.hpp"

namespace moeplan::sim {

// Adds up law estimates in seconds by phase; rounded to picoseconds once, at the end.
struct ModelStepCost::Sum {
  std::array<double, kPhaseCount> seconds{};
  std::uint64_t outside = 0;

  void add(Phase phase, const models::Estimate& estimate, const LawUse& law, double times = 1.0) {
    seconds[static_cast<std::size_t>(phase)] += estimate.duration.value() * times * law.bias;
    if (law.datasheet || estimate.extrapolated) {
      outside |= law.bit;
    }
  }
  Priced priced() const {
    Priced result;
    for (std::size_t i = 0; i < kPhaseCount; ++i) {
      result.times.set(static_cast<Phase>(i), duration_from(Seconds(seconds[i])));
    }
    result.outside = outside;
    return result;
  }
};

// The entry of a table indexed by a count, evaluated on first use.
template <class T, class Price>
T& kept(CountTable<T>& table, std::int64_t index, Price price) {
  std::optional<T>& entry = table.at(index);
  if (!entry) {
    entry = price();
  }
  return *entry;
}

}  // namespace moeplan::sim
