#pragma once
// simulate: requests in, trace out: the event loop over replicas. Events at one instant are all
// handled (first in, first out) before idle engines start a step, so that requests arriving
// together are batched together.

#include <cstdint>

#include "sim/serving/engine_replica.hpp"
#include "sim/serving/simulation_observer.hpp"
#include "sim/workload/request_source.hpp"
#include "sim/workload/router_policy.hpp"

namespace moeplan::sim {

struct SimulationSetup {
  EngineLimits limits;
  std::int32_t replicas = 1;
  RouterPolicy router = RouterPolicy::round_robin;
  RequestMix mix;
  std::uint64_t seed = 1;
  // Stop (trace.aborted) once more requests than this wait; 0 = never. For searches only.
  std::int64_t abort_above_waiting = 0;
  // Give up (SimulationStuck) after so many arrivals and steps; 0 = never. By the event loop.
  std::int64_t max_events = 0;
};

// The cost prices the steps of every replica. Deterministic in (setup, cost). Throws:
// SimulationStuck (progress_watch.hpp) for a run that does not end. Setups that
// FastEngine runs are run by it, with the same trace.
ServingTrace simulate(const SimulationSetup& setup, StepCost& cost);

// The same by the event loop, whatever the setup: what simulate() is held against.
// observer: is told every arrival and step; nullptr: nobody. The trace does not depend on it.
// Throws: std::logic_error for an observer of a pipeline, whose steps overlap.
ServingTrace simulate_by_events(const SimulationSetup& setup, StepCost& cost,
                                SimulationObserver* observer = nullptr);

}  // namespace moeplan::sim
