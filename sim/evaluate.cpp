#include "sim/evaluate.hpp"

#include <cmath>

#include "sim/serving/model_step_cost.hpp"
#include "sim/serving/simulate.hpp"

namespace moeplan::sim {
namespace {

SimulationSetup setup_of(const Deployment& deployment, const Load& load) {
  const Scenario& scenario = *deployment.scenario;
  SimulationSetup setup;
  setup.limits = {.scheduler = {.max_sequences = scenario.engine.max_sequences,
                                .max_batched_tokens = scenario.engine.max_batched_tokens,
                                .kv_blocks = deployment.memory.kv_blocks},
                  .data_parallel = deployment.candidate.data_parallel,
                  .max_model_length = scenario.engine.max_model_length,
                  .jitter = scenario.engine.jitter};
  setup.mix.prompt = scenario.workload.input;
  setup.mix.output = scenario.workload.output;
  setup.mix.request_count = load.requests;
  setup.seed = scenario.seed;
  setup.abort_above_waiting = load.abort_above_waiting;
  if (load.closed_loop) {
    setup.mix.arrivals = ClosedLoop{static_cast<std::int32_t>(std::llround(load.value)),
                                    scenario.workload.think_time};
  } else {
    setup.mix.arrivals = PoissonArrivals{PerSecond(load.value)};
  }
  return setup;
}

}  // namespace

Load full_load(const Scenario& scenario, double value) {
  return {.value = value,
          .closed_loop = scenario.workload.closed_loop,
          .requests = scenario.workload.requests,
          .warmup = scenario.workload.warmup};
}

ServingMetrics run(const Deployment& deployment, const Load& load, StepCost& cost) {
  const ServingTrace trace = simulate(setup_of(deployment, load), cost);
  return summarize(trace, {.warmup = load.warmup,
                           .objectives = deployment.scenario->objectives.latency,
                           .kv_blocks = deployment.memory.kv_blocks,
                           .every_distribution = !load.search_only});
}

std::variant<ServingMetrics, Infeasible> evaluate(const Scenario& scenario,
                                                  const Candidate& candidate, const Load& load) {
  auto placed = deploy(scenario, candidate);
  if (const auto* why = std::get_if<Infeasible>(&placed)) {
    return *why;
  }
  const Deployment& deployment = std::get<Deployment>(placed);
  ModelStepCost cost(deployment);
  return run(deployment, load, cost);
}

}  // namespace moeplan::sim
