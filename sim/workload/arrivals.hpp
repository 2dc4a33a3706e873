#pragma once
// When requests arrive. A new process is one more alternative of Arrivals and its branch in
// RequestSource.

#include <cstdint>
#include <variant>

#include "models/units/quantity.hpp"

namespace moeplan::sim {

// Open loop: independent exponential gaps, the first request after the first gap.
struct PoissonArrivals {
  PerSecond rate;  // > 0
};

// Closed loop: `concurrency` requests at time 0; each completion is followed by the next request
// after the think time. With none, that request is in the step that begins at the completion; any
// pause, as every real client makes (answer out, request in, tokenising), misses that step.
struct ClosedLoop {
  std::int32_t concurrency;  // >= 1
  Seconds think_time{0.0};   // >= 0
};

using Arrivals = std::variant<PoissonArrivals, ClosedLoop>;

}  // namespace moeplan::sim
