#pragma once
// Tasks that may share a fleet: one scenario each, checked against each other and planned at its
// busiest hour. First step of `moeplan share`.

#include <cstddef>
#include <string>
#include <vector>

#include "sim/plan/plan.hpp"

namespace moeplan::sim {

inline constexpr std::size_t kHoursOfDay = 24;
inline constexpr std::size_t kFewestTasks = 2;
inline constexpr std::size_t kMostTasks = 16;

struct ShareTask {
  Scenario scenario;             // steady traffic at the rate of the busiest hour
  std::vector<PerSecond> rates;  // [24], of the whole task; equal without workload.day_profile
  Plan plan;                     // of that scenario; without error bands

  // The busiest hour's rate, and the day's mean.
  PerSecond peak() const;
  PerSecond mean() const;
  // The plan's recommendation; nullptr: nothing works.
  const Design* best() const;
};

// A design of a plan that may be used: objectives not missed, accuracy within the task's own gate.
bool is_usable(const Design& design);

// Rates of the 24 hours: rate x weight / mean weight.
std::vector<PerSecond> hourly_rates(const Workload& workload);

// The scenario without its day, at the rate of its busiest hour.
Scenario at_busiest_hour(const Scenario& scenario);

// Throws: InputError with every key that differs between the first scenario and another where tasks
// of one fleet must agree (model, pruning.router, hardware, engine, prices: file and line of the
// other), and with every key that has no meaning here: traffic that is no rate over the day (closed
// loops, traces, ramps), searches other than the cheapest, budgets, pruning plans, routers over a
// fleet, pools. std::logic_error for fewer than 2 or more than 16 scenarios.
void refuse_unshared(const std::vector<Scenario>& scenarios);

// Plans each, one after the other. Deterministic; threads change nothing but the time taken.
// Throws: as refuse_unshared().
std::vector<ShareTask> plan_tasks(const std::vector<Scenario>& scenarios,
                                  const PlanOptions& options);

}  // namespace moeplan::sim
