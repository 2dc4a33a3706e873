#pragma once
// How subcommands that plan run the planner.

#include "app/subcommand.hpp"
#include "sim/plan/plan.hpp"

namespace moeplan::app {

// Threads as asked for; progress on a terminal; an interrupt ends the search (Interrupted).
sim::PlanOptions plan_options(const CommonOptions& common);

}  // namespace moeplan::app
