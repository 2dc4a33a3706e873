#pragma once
// BreakEven: at which price per GPU and hour does one kind of hardware win against the others? The
// question before a purchase: a plan's answer holds for the prices of the book; this says how far
// they may move.

#include <span>
#include <vector>

#include "sim/plan/design.hpp"

namespace moeplan::sim {

// One hardware option of the scenario against the best design on any other.
struct BreakEven {
  std::size_t design = 0;      // of this hardware: fewest paid GPUs; ties as given by `designs`
  std::size_t against = 0;     // of all others: the cheapest
  std::int64_t paid_gpus = 0;  // of `design`, idle ones included
  UsdPerSecond rent_per_gpu;   // now
  UsdPerSecond break_even;     // the rent of `against` / paid_gpus: below it, this one wins
  bool wins() const { return rent_per_gpu < break_even; }
};

// For every hardware option (and node) that has a design among `acceptable` (indices into designs)
// while another option has one too; in the order of the options. All offers of an option are taken
// to rent as many GPUs at once as the one chosen; the fleet, sized by latency, does not depend on
// prices. Empty for plans of one hardware.
std::vector<BreakEven> break_even(std::span<const Design> designs,
                                  std::span<const std::size_t> acceptable);

}  // namespace moeplan::sim
