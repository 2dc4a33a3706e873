#include "sim/report/simulation_json.hpp"

#include "sim/report/json_parts.hpp"
#include "sim/report/routing_report.hpp"
#include "sim/report/uncertainty_report.hpp"

namespace moeplan::sim {
namespace {

using text::Json;

Json money_json(const Money& money) {
  if (money.price_id.empty()) {
    return {};
  }
  return Json::object()
      .set("cost_usd_per_million_tokens", money.usd_per_million_tokens)
      .set("cost_usd_per_million_input_tokens", money.usd_per_million_input_tokens)
      .set("cost_usd_per_million_output_tokens", money.usd_per_million_output_tokens)
      .set("cost_usd_per_month", money.usd_per_month)
      .set("price_id", money.price_id)
      .set("instances", money.instances)
      .set("stranded_gpus", money.stranded_gpus)
      .set("rent_usd_per_h", in_usd_per_hour(money.rent))
      .set("price_tier", money.tier)
      .set("cost_breakdown_usd_per_month", cost_breakdown(money));
}

Json disaggregation_json(const Design& d, const Scenario& scenario) {
  if (!d.prefill || !d.metrics.handover) {
    return {};
  }
  const HandoverUse& use = *d.metrics.handover;
  Json layout = Json::object();
  set_layout(layout, d.prefill->candidate, d.gpu, d.prefill->candidate.gpus);
  const bool steady = !d.metrics.overloaded;
  return Json::object()
      .set("prefill_engines", d.prefill->engines)
      .set("decode_engines", d.prefill->decode_engines)
      .set("prefill_engine", std::move(layout))
      .set("prefill_memory", memory_json(d.prefill->memory))
      .set("prefill_busy_fraction", use.prefill_busy_fraction)
      .set("decode_busy_fraction", use.decode_busy_fraction)
      .set("prefill_kv_peak_fraction", use.prefill_kv_peak_fraction)
      .set("kv_wait", steady ? distribution_json(use.wait) : Json())
      .set("kv_transfer", steady ? distribution_json(use.transfer) : Json())
      .set("kv_transfer_basis",
           scenario.network.flows
               ? "flows that share the cluster's links max-min fairly, at stated rates"
               : "bytes over the stated rate of the fullest port, each transfer alone");
}

Json prefix_json(const std::optional<PrefixUse>& prefix) {
  return prefix ? Json::object()
                      .set("hit_fraction", prefix->hit_fraction)
                      .set("prompt_tokens_saved", prefix->tokens_saved)
                : Json();
}

Json lock_step_json(const std::optional<LockStepUse>& use) {
  if (!use) {
    return {};
  }
  return Json::object()
      .set("idle_fraction", use->idle_fraction)
      .set("own_work_idle_fraction", use->own_work_idle_fraction)
      .set("dummy_batches", use->dummy_batches)
      .set("dummy_fraction", use->dummy_fraction)
      .set("steps_with_dummy_fraction", use->steps_with_dummy_fraction)
      .set("largest_over_mean_tokens", use->largest_over_mean_tokens);
}

}  // namespace

Json simulation_json(const Design& d, const Scenario& scenario, const ReportContext& context,
                     const Uncertainty* uncertainty) {
  const ServingMetrics& m = d.metrics;
  Json layout = Json::object();
  set_layout(layout, d.candidate, d.gpu, d.gpus_total());
  layout.set("node", d.node.empty() ? Json() : Json(d.node))
      .set("nodes_per_engine", d.nodes_per_engine)
      .set("replicas", d.replicas)
      .set("layout", d.candidate.layout_name())
      .set("replica_router",
           scenario.replica_router ? Json(std::string(name_of(*scenario.replica_router))) : Json())
      .set("exchange", d.candidate.exchange_name());
  const auto steady = [&](const Json& value) { return m.overloaded ? Json() : value; };
  return Json::object()
      .set("schema_version", kSimulationSchemaVersion)
      .set("name", scenario.name)
      .set("design", std::move(layout))
      .set("engine_load", d.load)
      .set("overloaded", m.overloaded)
      .set("short_run", m.short_run)
      .set("objectives_verdict", verdict_name(d.verdict))
      .set("ttft", steady(distribution_json(m.ttft)))
      .set("tpot", steady(distribution_json(m.tpot)))
      .set("itl", steady(distribution_json(m.itl)))
      .set("e2e", steady(distribution_json(m.e2e)))
      .set("wait", steady(distribution_json(m.wait)))
      .set("latency_cdf", steady(curves_json(m.curves)))
      .set("objectives", objectives_json(scenario.objectives))
      .set("engine_requests_per_s", m.requests_per_s)
      .set("engine_goodput_requests_per_s", steady(m.goodput_requests_per_s))
      .set("engine_input_tokens_per_s", m.input_tokens_per_s)
      .set("engine_output_tokens_per_s", m.output_tokens_per_s)
      .set("throughput_tokens_per_s", steady(d.fleet_tokens_per_s))
      .set("throughput_output_tokens_per_s", steady(d.fleet_output_tokens_per_s))
      .set("requests", Json::object()
                           .set("arrived", m.arrived)
                           .set("completed", m.completed)
                           .set("rejected", m.rejected)
                           .set("unfinished", m.unfinished)
                           .set("warmup", m.warmup))
      .set("duration_s", m.duration_s)
      .set("steps", m.steps)
      .set("mean_batch", m.mean_batch)
      .set("mean_in_system", m.mean_in_system)
      .set("busy_fraction", m.busy_fraction)
      .set("input_time_fraction", m.input_time_fraction)
      .set("preemptions", m.preemptions)
      .set("kv_peak_fraction", m.kv_peak_fraction)
      .set("steps_out_of_blocks_fraction", m.steps_out_of_blocks_fraction)
      .set("steps_at_max_sequences_fraction", m.steps_at_max_sequences_fraction)
      .set("exchange_share_fraction", m.exchange_share)
      .set("phases", phases_json(m))
      .set("router", router_json(d.router))
      .set("buffers", buffers_json(m.buffers))
      .set("disaggregation", disaggregation_json(d, scenario))
      .set("prefix_cache", prefix_json(m.prefix))
      .set("lock_step", lock_step_json(m.lock_step))
      .set("memory", memory_json(d.memory))
      .set("money", m.overloaded ? Json() : money_json(d.money))
      .set("energy_joules_per_token", models::in_joules(d.energy))
      .set("energy_basis", kEnergyBasis)
      .set("accuracy", d.accuracy ? Json(d.accuracy->value) : Json())
      .set("accuracy_low", d.accuracy && d.accuracy->has_band ? Json(d.accuracy->low) : Json())
      .set("accuracy_high", d.accuracy && d.accuracy->has_band ? Json(d.accuracy->high) : Json())
      .set("uncertainty", uncertainty_json(uncertainty))
      .set("extrapolated", m.extrapolated)
      .set("provenance", provenance_json(scenario, context));
}

}  // namespace moeplan::sim
