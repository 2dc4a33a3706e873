#pragma once
// How subcommands that plan run the planner.

#include <string>

#include "app/subcommand.hpp"
#include "sim/plan/plan.hpp"

namespace moeplan::app {

// Threads as asked for; progress on a terminal; an interrupt ends the search (Interrupted).
// what: the pieces that are counted.
sim::PlanOptions plan_options(const CommonOptions& common,
                              const std::string& what = "designs judged");

// Throws: CLI::ValidationError for draws of a scenario whose answer has no intervals.
void check_draws(const sim::Scenario& scenario, std::int64_t draws);

}  // namespace moeplan::app
