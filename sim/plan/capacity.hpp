#pragma once
// Capacity: the highest load of one engine that meets the latency objectives, by bisection with
// common random numbers: every run draws the same lengths and the same unit gaps.

#include <optional>
#include <string>

#include "sim/deployment/deployment.hpp"
#include "sim/result/metrics.hpp"

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

// law_error: see ModelStepCost.
Capacity find_capacity(const Deployment& deployment, double law_error = 0.0);

}  // namespace moeplan::sim
