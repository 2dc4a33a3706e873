#pragma once
// What a study means, for --print-config: its file's values, the defaults of what it leaves out,
// the scenario that says how its models run, and what the named data files gave.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/study/study.hpp"

namespace moeplan::sim {

// from of a value: as effective_values (sim/scenario); keys of a scenario that the study names
// begin with "inference.".
// seed: what the study was loaded with.
std::vector<StudyValue> effective_values(const PretrainingStudy& study,
                                         std::optional<std::uint64_t> seed);

}  // namespace moeplan::sim
