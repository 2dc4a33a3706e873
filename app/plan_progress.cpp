#include "app/plan_progress.hpp"

#include <fmt/format.h>

#include <iostream>

#include "app/interrupt.hpp"

namespace moeplan::app {

sim::PlanOptions plan_options(const CommonOptions& common, const std::string& what) {
  sim::PlanOptions options;
  options.threads = common.thread_count();
  options.progress = [what, shown = common.shows_progress()](std::size_t done, std::size_t total) {
    stop_if_interrupted();
    if (shown) {
      std::cerr << fmt::format("\r{} of {} {}{}", done, total, what, done == total ? "\n" : "")
                << std::flush;
    }
  };
  return options;
}

void check_draws(const sim::Scenario& scenario, std::int64_t draws) {
  if (draws > 0 && scenario.objectives.search == sim::SearchGoal::most_traffic) {
    throw CLI::ValidationError(
        "--draws",
        "intervals are of a fleet for given traffic, not of objectives.search: most_traffic");
  }
}

}  // namespace moeplan::app
