#pragma once
// Capacity: the highest load of one engine that meets the latency objectives, by bisection with
// common random numbers: every run draws the same lengths and the same unit gaps.

#include <optional>
#include <string>

#include "sim/deployment/deployment.hpp"
#include "sim/result/metrics.hpp"
#include "sim/serving/batch.hpp"
#include "sim/serving/law_errors.hpp"

namespace moeplan::sim {

// Load of one engine: requests per second when open, users when closed.
struct Capacity {
  double load = 0.0;               // 0: not even without load
  ServingMetrics at_load;          // of the run at `load`
  ServingMetrics beyond;           // of the lowest load found to miss
  std::string binding;             // what is missed beyond: ttft, tpot, throughput, memory, or none
  bool limited_by_wanted = false;  // the wanted load itself meets the objectives: not searched on
  std::string floor_reason;        // when load is 0: floor latency and its largest term
};

// Relative width at which the search stops.
inline constexpr double kCapacityTolerance = 0.02;

// errors: see ModelStepCost.
Capacity find_capacity(const Deployment& deployment, const LawErrors& errors = {});

// Rate at which an engine would be busy all the time with full batches, doubled: above its capacity
// whatever the objectives, and moving with the prices of its steps.
double saturated_load(const Deployment& deployment, StepCost& cost);

}  // namespace moeplan::sim
