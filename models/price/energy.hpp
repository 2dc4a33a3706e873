#pragma once
// Energy of serving: what the GPU boards draw while they work, per token. An estimate from the
// maker's board power, not a measurement.

#include <cstdint>

#include "models/units/quantity.hpp"

namespace moeplan::models {

using JoulesPerToken = Quantity<Dim{.tokens = -1, .energy = 1}>;

constexpr double in_joules(JoulesPerToken v) { return v.value(); }

// Energy of the GPU boards per token:
//   gpus * board_power * busy_fraction / rate
// busy_fraction: share of time in which the GPUs run kernels, 0..1. rate: tokens (input and output)
// per second of all these GPUs together, > 0.
// Assumes full board power while busy and none while idle: too high for kernels that wait for
// memory, too low by the idle draw. Leaves out CPUs, fans, NICs and cooling (multiply by server
// power / board power, and by PUE, for those).
// Throws: std::logic_error for negative power or GPUs, a fraction outside 0..1, a rate <= 0.
JoulesPerToken energy_per_token(Watts board_power, std::int64_t gpus, double busy_fraction,
                                TokensPerSecond rate);

}  // namespace moeplan::models
