#pragma once
// Reasons: a plan in sentences: what binds, what pruning saved, what to be careful about.

#include <string>
#include <vector>

#include "sim/plan/plan.hpp"

namespace moeplan::sim {

// What keeps the recommendation from being cheaper: `accuracy` or `budget` when a cheaper design
// falls to it alone, else what an engine at capacity runs into (ttft tpot throughput memory), or
// `none` when the wanted traffic leaves it idle capacity of one whole engine.
std::string binding_constraint(const Plan& plan, const Scenario& scenario);

// Why no unpruned design works.
std::string baseline_reason(const Plan& plan, const Scenario& scenario);

// Why nothing is recommended, in one line.
std::string no_plan_reason(const Plan& plan);

std::vector<std::string> reasons(const Plan& plan, const Scenario& scenario);
std::vector<std::string> warnings(const Plan& plan, const Scenario& scenario);

// "96 of 128 experts on 2 x h100-sxm (TP2) per engine, 3 engines".
std::string describe(const Design& design, const Scenario& scenario);

}  // namespace moeplan::sim
