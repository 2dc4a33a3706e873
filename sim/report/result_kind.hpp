#pragma once
// Which of our results a JSON document is.

#include "models/text/node.hpp"

namespace moeplan::sim {

enum class ResultKind { plan, simulation, comparison, validation, other };

// By the keys that each kind always has (plan_json, simulation_json, comparison_json,
// validation_json); any map may
// be passed.
ResultKind result_kind(const text::Node& root);

}  // namespace moeplan::sim
