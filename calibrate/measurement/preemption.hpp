#pragma once
// Whether somebody else ran on our cores: the operating system counts how often it took one away.

#include <cstdint>

namespace moeplan::calibrate {

// Involuntary context switches of all threads of this process so far.
std::int64_t involuntary_switches();

}  // namespace moeplan::calibrate
