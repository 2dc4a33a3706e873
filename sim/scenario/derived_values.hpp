#pragma once
// Every key of the field table as a scenario means it: what neither file nor table states, with
// the rule that says it. Internal to effective_values.cpp.

#include <vector>

#include "sim/scenario/effective_values.hpp"

namespace moeplan::sim {

std::vector<ConfigValue> derived_values(const Scenario& scenario,
                                        const ScenarioOverrides& overrides);
std::vector<ConfigValue> derived_values(const StaticScenario& scenario);

}  // namespace moeplan::sim
