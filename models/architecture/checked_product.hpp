#pragma once
// Products of counts that a file may have made too large for 64 bits: tokens x top-k x hidden,
// experts x matrices x hidden x width. Counting code multiplies without looking, because every
// SmoeArchitecture has passed overflow_of first.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "models/architecture/smoe_architecture.hpp"

namespace moeplan::models {

struct Factor {
  const char* name;
  std::int64_t value;
};

// Nothing when the product fits 2^63 - 1; else "top_k x hidden = 8 x 4e18 is above 2^63 - 1".
std::optional<std::string> overflow_of(std::initializer_list<Factor> factors);

// The same for every product that counts.hpp and the simulator form of one architecture: weights
// of each layer and of all layers, max_positions x top_k x hidden, vocabulary x hidden. The
// sentence names the layer.
std::optional<std::string> overflow_of(const SmoeArchitecture& architecture);

}  // namespace moeplan::models
