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

}  // namespace moeplan::app
