#pragma once
// One request as the outside world sees it: when it arrives and how long it is. The serving layer
// makes its own state from it.

#include <cstdint>

#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

struct RequestSpec {
  SimTime arrival;
  std::int32_t prompt_tokens;  // >= 1
  std::int32_t output_tokens;  // >= 1
  friend bool operator==(const RequestSpec&, const RequestSpec&) = default;
};

}  // namespace moeplan::sim
