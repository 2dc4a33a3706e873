#pragma once
// Sample: the headline figures of one design in one world.

#include <array>
#include <cstdint>
#include <string_view>

#include "sim/plan/design.hpp"
#include "sim/uncertainty/inputs.hpp"

namespace moeplan::sim {

// Keys of the JSON, in its order. Of a plan's design, latency and throughput are those of the fleet
// as planned, capacity, engines and money those of the fleet that the world calls for.
enum class Figure {
  ttft_p50,
  ttft_p99,
  tpot_p50,
  tpot_p99,
  throughput,
  capacity,
  replicas,
  tokens_cost,
  input_cost,
  output_cost,
  capacity_cost,
  month_cost,
  accuracy
};
inline constexpr std::size_t kFigureCount = 13;
std::string_view key_of(Figure figure);  // "ttft_p50_s", ...

struct Sample {
  // [kFigureCount]; infinite: overloaded, or no number of engines is enough; NaN: the design has
  // none (accuracy without a curve, capacity where it was not searched).
  std::array<double, kFigureCount> figures{};
  // The fleet as planned meets every objective: latency (plain comparison of the estimates), loss
  // of accuracy, budget.
  bool meets = false;
  // The fleet that the world calls for: there is one, and it keeps to accuracy and budget.
  bool can_serve = false;

  double operator[](Figure figure) const { return figures[static_cast<std::size_t>(figure)]; }
};

// How one design is evaluated in many worlds. Deterministic.
class DesignSampler {
 public:
  // A design of a plan: its capacity is searched in every world.
  DesignSampler(const Scenario& scenario, const Design& design);
  // A design that was assessed (simulate): the fleet is fixed, nothing is searched.
  static DesignSampler fixed(const Scenario& scenario, const Design& design);

  Sample sample(const DrawnScenario& world) const;
  // saturated_load() of one engine: moves with its step prices, costs nothing to speak of.
  double saturated(const DrawnScenario& world) const;

 private:
  DesignSampler(const Scenario& scenario, const Design& design, bool fixed);

  const Scenario& scenario_;
  const Design& design_;
  bool fixed_;
};

}  // namespace moeplan::sim
