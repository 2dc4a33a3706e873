#include "sim/pools.hpp"

#include <fmt/format.h>

#include <memory>

#include "models/units/require.hpp"
#include "sim/serving/disaggregated.hpp"
#include "sim/serving/model_step_cost.hpp"

namespace moeplan::sim {

std::variant<Deployment, Infeasible> deploy_prefill(const Deployment& decode) {
  const Scenario& scenario = *decode.scenario;
  require(scenario.disaggregation.has_value(), "the scenario has pools");
  const Disaggregation& pools = *scenario.disaggregation;
  const Candidate& c = decode.candidate;
  if (c.pipeline_parallel > 1) {
    return Infeasible{c, "pipeline_parallel",
                      "prefill and decode pools of pipelines are not simulated"};
  }
  Candidate prefill = c;
  prefill.gpus = pools.prefill_gpus.value_or(c.gpus);
  // Of as many GPUs, split as decode engines are; of others, one tensor-parallel group.
  prefill.tensor_parallel = pools.prefill_tensor_parallel.value_or(
      prefill.gpus == c.gpus ? c.tensor_parallel : prefill.gpus);
  if (prefill.gpus % prefill.tensor_parallel != 0) {
    return Infeasible{c, "tensor_parallel",
                      fmt::format("prefill engines: tensor_parallel {} does not divide {} GPUs",
                                  prefill.tensor_parallel, prefill.gpus)};
  }
  prefill.data_parallel = prefill.gpus / prefill.tensor_parallel;
  prefill.expert_parallel = c.expert_parallel && prefill.gpus > 1;
  if (c.experts_kept == 0 && prefill.data_parallel > 1) {
    return Infeasible{c, "tensor_parallel",
                      "prefill engines: an engine of a dense model has no data parallelism"};
  }
  if (prefill.tensor_parallel % c.tensor_parallel != 0 &&
      c.tensor_parallel % prefill.tensor_parallel != 0) {
    return Infeasible{c, "tensor_parallel",
                      fmt::format("prefill engines: of tensor_parallel {} and {} (decode) one must "
                                  "divide the other, or KV heads are torn apart on their way",
                                  prefill.tensor_parallel, c.tensor_parallel)};
  }
  auto placed = deploy(scenario, prefill);
  if (auto* why = std::get_if<Infeasible>(&placed)) {
    why->reason = "prefill engines: " + why->reason;
  }
  return placed;
}

ServingMetrics run_pools(const Deployment& prefill, const Deployment& decode, const Load& load,
                         const LawErrors& errors) {
  const Scenario& scenario = *decode.scenario;
  const Disaggregation& pools = *scenario.disaggregation;
  const SimulationSetup prefill_alone = setup_of(prefill, load);
  const SimulationSetup decode_alone = setup_of(decode, load);
  DisaggregatedSetup setup{
      .prefill = prefill_alone.limits,
      .decode = decode_alone.limits,
      .prefill_engines = pools.prefill_engines * load.replicas,
      .decode_engines = pools.decode_engines * load.replicas,
      .router = scenario.replica_router.value_or(RouterPolicy::round_robin),
      .mix = decode_alone.mix,
      .seed = scenario.seed,
  };
  setup.decode.scheduler.prefix_caching = false;
  const PoolLayout layout(prefill, setup.prefill_engines, decode, setup.decode_engines);
  const std::unique_ptr<KvTransfer> transfer =
      make_kv_transfer(layout, decode.hardware(), scenario.network);
  ModelStepCost prefill_cost(prefill, errors);
  ModelStepCost decode_cost(decode, errors);
  const ServingTrace trace = simulate_disaggregated(setup, prefill_cost, decode_cost, *transfer);
  ServingMetrics metrics =
      summarize(trace, {.warmup = load.warmup,
                        .objectives = scenario.objectives.latency,
                        .kv_blocks = decode.memory.kv_blocks,
                        .replicas = setup.prefill_engines + setup.decode_engines,
                        .prefill_engines = setup.prefill_engines,
                        .prefill_kv_blocks = prefill.memory.kv_blocks,
                        .every_distribution = !load.search_only,
                        .curves = load.curves,
                        .steady = load.closed_loop || scenario.workload.is_steady()});
  share_out(metrics, load.replicas);
  metrics.overloaded = metrics.overloaded || client_falls_behind(decode_alone, trace);
  return metrics;
}

}  // namespace moeplan::sim
