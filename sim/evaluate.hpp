#pragma once
// The pipeline on one page: a candidate is deployed, its traffic simulated, the trace summarised.
// The planner (sim/plan) is a loop over this.

#include <variant>

#include "sim/deployment/deployment.hpp"
#include "sim/result/metrics.hpp"
#include "sim/serving/batch.hpp"
#include "sim/serving/simulate.hpp"

namespace moeplan::sim {

// Requests that one run may have: all of them are held.
inline constexpr std::int64_t kMostRequests = 100'000'000;

// The traffic of one engine in one run; of several behind the scenario's router when replicas > 1.
struct Load {
  double value = 0.0;                    // requests per second (open) or users (closed)
  bool closed_loop = false;              //
  std::int64_t requests = 0;             // arrivals of the run
  std::int64_t warmup = 0;               // of them, left out of percentiles
  std::int32_t replicas = 1;             // engines that share it
  bool search_only = false;              // TTFT and TPOT only
  bool curves = false;                   // LatencyCurves too
  std::int64_t abort_above_waiting = 0;  // see SimulationSetup; 0 = never
};

// The load of the scenario's kind with its number of requests (all at once: `value` of them; of a
// trace, at most what it has), for each of the engines that share it.
Load full_load(const Scenario& scenario, double value, std::int64_t replicas = 1);

// The requests of a load. load.closed_loop with open traffic: users without pauses
// who draw their requests from the same lengths.
RequestMix mix_of(const Workload& workload, const Load& load);

// The engines of a placed design under a load, as run() simulates them.
SimulationSetup setup_of(const Deployment& deployment, const Load& load);

// Rates and numbers in system of all engines of a run, made those of one of `replicas`.
void share_out(ServingMetrics& metrics, std::int32_t replicas);

// With a limit at the client the queue is there, out of the engine's sight: whether the client was
// more than 2 % of its schedule behind it at the end.
bool client_falls_behind(const SimulationSetup& setup, const ServingTrace& trace);

// Runs a placed design; rates and numbers in system are of one engine. The cost prices its steps
// (ModelStepCost, made once per design, keeps what it has evaluated). Deterministic in (deployment,
// load, cost).
ServingMetrics run(const Deployment& deployment, const Load& load, StepCost& cost);

// One candidate of a scenario at one load of an engine.
std::variant<ServingMetrics, Infeasible> evaluate(const Scenario& scenario,
                                                  const Candidate& candidate, const Load& load);

}  // namespace moeplan::sim
