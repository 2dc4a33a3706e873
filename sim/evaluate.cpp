#include "sim/evaluate.hpp"

#include <cmath>
#include <vector>

#include "sim/serving/pipeline_step_cost.hpp"
#include "sim/serving/simulate.hpp"

namespace moeplan::sim {
namespace {

constexpr double kLateShare = 0.02;  // of the schedule: as the growth that counts as overload

}  // namespace

bool client_falls_behind(const SimulationSetup& setup, const ServingTrace& trace) {
  if (setup.mix.max_in_flight == 0 || trace.requests.empty()) {
    return false;
  }
  RequestMix unlimited = setup.mix;
  unlimited.max_in_flight = 0;
  RequestSource source(unlimited, setup.seed);
  const std::vector<SimTime> planned = source.take_all().arrivals;
  const std::size_t last = trace.requests.size() - 1;
  const SimDuration behind = trace.requests[last].arrival - planned[last];
  return in_seconds(behind) > kLateShare * in_seconds(planned[last] - planned.front());
}

void share_out(ServingMetrics& m, std::int32_t replicas) {
  for (double* rate : {&m.requests_per_s, &m.input_tokens_per_s, &m.output_tokens_per_s,
                       &m.goodput_requests_per_s, &m.mean_in_system}) {
    *rate /= replicas;
  }
}

SimulationSetup setup_of(const Deployment& deployment, const Load& load) {
  const Scenario& scenario = *deployment.scenario;
  SimulationSetup setup;
  setup.limits = {.scheduler = {.max_sequences = scenario.engine.max_sequences,
                                .max_batched_tokens = scenario.engine.max_batched_tokens,
                                .kv_blocks = deployment.memory.kv_blocks,
                                .chunked_prefill = scenario.engine.chunked_prefill,
                                .prefix_caching = scenario.engine.prefix_caching},
                  .data_parallel = deployment.candidate.data_parallel,
                  .pipeline_parallel = deployment.candidate.pipeline_parallel,
                  .divided_batches = scenario.engine.divided_batches,
                  .max_model_length = scenario.engine.max_model_length,
                  .jitter = scenario.engine.jitter};
  setup.mix = mix_of(scenario.workload, load);
  setup.seed = scenario.seed;
  setup.replicas = load.replicas;
  setup.router = scenario.replica_router.value_or(RouterPolicy::round_robin);
  setup.abort_above_waiting = load.abort_above_waiting;
  return setup;
}

Load full_load(const Scenario& scenario, double value, std::int64_t replicas) {
  const Workload& w = scenario.workload;
  Load load{.value = value,
            .closed_loop = w.closed_loop,
            .requests = w.requests * replicas,
            .warmup = w.warmup * replicas,
            .replicas = static_cast<std::int32_t>(replicas)};
  if (w.trace && load.requests > w.requests) {  // recorded once, for all engines together
    load.requests = w.requests;
    load.warmup = w.warmup;
  }
  if (w.kind == ArrivalKind::all_at_once) {
    load.requests = std::llround(value);
  }
  return load;
}

RequestMix mix_of(const Workload& w, const Load& load) {
  RequestMix mix{.arrivals = w.arrivals_at(load.value),
                 .prompt = w.input,
                 .output = w.output,
                 .request_count = load.requests,
                 .joint_lengths = w.joint_lengths,
                 .max_in_flight = w.max_in_flight * load.replicas,
                 .shared_prefix = w.shared_prefix};
  if (load.closed_loop && !w.closed_loop) {  // single users of open traffic
    mix.arrivals = ClosedLoop{static_cast<std::int32_t>(std::llround(load.value))};
    mix.max_in_flight = 0;
  }
  return mix;
}

ServingMetrics run(const Deployment& deployment, const Load& load, StepCost& cost) {
  const SimulationSetup setup = setup_of(deployment, load);
  const ServingTrace trace = simulate(setup, cost);
  const Scenario& scenario = *deployment.scenario;
  ServingMetrics metrics =
      summarize(trace, {.warmup = load.warmup,
                        .objectives = scenario.objectives.latency,
                        .kv_blocks = deployment.memory.kv_blocks,
                        .replicas = load.replicas,
                        .every_distribution = !load.search_only,
                        .curves = load.curves,
                        .steady = load.closed_loop || scenario.workload.is_steady()});
  if (load.replicas > 1) {
    share_out(metrics, load.replicas);
  }
  metrics.overloaded = metrics.overloaded || client_falls_behind(setup, trace);
  return metrics;
}

std::variant<ServingMetrics, Infeasible> evaluate(const Scenario& scenario,
                                                  const Candidate& candidate, const Load& load) {
  auto placed = deploy(scenario, candidate);
  if (const auto* why = std::get_if<Infeasible>(&placed)) {
    return *why;
  }
  const Deployment& deployment = std::get<Deployment>(placed);
  return run(deployment, load, *make_step_cost(deployment));
}

}  // namespace moeplan::sim
