#include "sim/report/plan_json.hpp"

#include <map>

#include "sim/report/json_parts.hpp"
#include "sim/report/routing_report.hpp"
#include "sim/report/tenure_report.hpp"
#include "sim/report/uncertainty_report.hpp"

namespace moeplan::sim {
namespace {

using text::Json;

std::optional<double> field(const std::optional<models::AccuracyEstimate>& estimate,
                            double models::AccuracyEstimate::*member) {
  return estimate ? std::optional(*estimate.*member) : std::nullopt;
}

std::optional<double> band(const std::optional<models::AccuracyEstimate>& estimate,
                           double models::AccuracyEstimate::*member) {
  return estimate && estimate->has_band ? std::optional(*estimate.*member) : std::nullopt;
}

Json optional_design(const std::vector<Design>& designs, const std::optional<std::size_t>& index,
                     const Json& binding) {
  if (!index) {
    return {};
  }
  Json json = design_json(designs[*index]);
  json.set("binding_constraint", binding)
      .set("latency_cdf", curves_json(designs[*index].metrics.curves));
  return json;
}

// The curve behind the accuracies: its points, and the loss that the scenario allows.
Json accuracy_curve_json(const Scenario& scenario) {
  if (!scenario.accuracy) {
    return {};
  }
  const models::AccuracyCurve& curve = *scenario.accuracy;
  Json points = Json::array();
  for (const models::AccuracyPoint& point : curve.points()) {
    const auto estimate = curve.at(point.experts_kept);
    points.push(Json::object()
                    .set("experts_kept", point.experts_kept)
                    .set("accuracy", point.value)
                    .set("accuracy_low", band(estimate, &models::AccuracyEstimate::low))
                    .set("accuracy_high", band(estimate, &models::AccuracyEstimate::high))
                    .set("samples", point.samples)
                    .set("source", point.source));
  }
  const models::AccuracyPoint* unpruned = curve.unpruned();
  return Json::object()
      .set("metric", curve.description().metric)
      .set("confidence", models::kConfidence)
      .set("pretrained_experts", curve.description().pretrained_experts)
      .set("unpruned_accuracy", unpruned != nullptr ? Json(unpruned->value) : Json())
      .set("allowed_loss", scenario.objectives.accuracy_loss)
      .set("points", points);
}

// Latency is null where all laws slow at once would overload the engines.
Json band_json(const std::optional<ErrorBand>& band) {
  if (!band) {
    return {};
  }
  const auto slow = [&](double value) { return band->slow.overloaded ? Json() : Json(value); };
  const bool served = band->replicas_slow > 0;
  return Json::object()
      .set("meaning", "all cost laws fast or slow at once: 5th and 95th percentile")
      .set("ttft_p99_low_s", band->fast.ttft.p99)
      .set("ttft_p99_high_s", slow(band->slow.ttft.p99))
      .set("tpot_p99_low_s", band->fast.tpot.p99)
      .set("tpot_p99_high_s", slow(band->slow.tpot.p99))
      .set("replicas_low", band->replicas_fast)
      .set("replicas_high", served ? Json(band->replicas_slow) : Json())
      .set("cost_usd_per_month_low", band->usd_per_month_low)
      .set("cost_usd_per_month_high", served ? Json(band->usd_per_month_high) : Json());
}

Json law_json(const models::LawInfo& law, const std::string& gpu) {
  return Json::object()
      .set("gpu", gpu)
      .set("kernel", law.kernel)
      .set("kernel_source", law.kernel_source)
      .set("dtype", law.dtype)
      .set("form", law.form)
      .set("source", law.source)
      .set("datasheet", law.datasheet)
      .set("median_abs_error", law.median_abs_error)
      .set("p90_abs_error", law.p90_abs_error)
      .set("discrepancy_sd_log", law.discrepancy_sd_log);
}

}  // namespace

Json design_json(const Design& d) {
  const ServingMetrics& m = d.metrics;
  Json json = Json::object();
  set_layout(json, d.candidate, d.gpu, d.gpus_total());
  json.set("node", d.node.empty() ? Json() : Json(d.node))
      .set("nodes_per_engine", d.nodes_per_engine)
      .set("replicas", d.replicas)
      .set("layout", d.candidate.layout_name())
      .set("exchange", d.candidate.exchange_name())
      .set("cost_usd_per_million_tokens", d.money.usd_per_million_tokens)
      .set("cost_usd_per_million_input_tokens", d.money.usd_per_million_input_tokens)
      .set("cost_usd_per_million_output_tokens", d.money.usd_per_million_output_tokens)
      .set("cost_usd_per_million_tokens_at_capacity", d.money.usd_per_million_tokens_at_capacity)
      .set("cost_usd_per_month", d.money.usd_per_month)
      .set("ttft_p50_s", m.ttft.p50)
      .set("ttft_p99_s", m.ttft.p99)
      .set("tpot_p50_s", m.tpot.p50)
      .set("tpot_p99_s", m.tpot.p99)
      .set("throughput_tokens_per_s", d.fleet_tokens_per_s)
      .set("throughput_output_tokens_per_s", d.fleet_output_tokens_per_s)
      .set("accuracy", field(d.accuracy, &models::AccuracyEstimate::value))
      .set("accuracy_low", band(d.accuracy, &models::AccuracyEstimate::low))
      .set("accuracy_high", band(d.accuracy, &models::AccuracyEstimate::high))
      .set("accuracy_change", field(d.accuracy_change, &models::AccuracyEstimate::value))
      .set("accuracy_distinguishable", d.accuracy_distinguishable)
      .set("accuracy_allowed", d.accuracy_allowed)
      .set("binding_constraint", d.capacity.binding)
      .set("extrapolated", m.extrapolated)
      .set("objectives_verdict", verdict_name(d.verdict))
      .set("engine_load", d.load)
      .set("engine_capacity", d.capacity.load)
      .set("engine_requests_per_s", m.requests_per_s)
      .set("engine_goodput_requests_per_s", m.goodput_requests_per_s)
      .set("ttft", distribution_json(m.ttft))
      .set("tpot", distribution_json(m.tpot))
      .set("itl", distribution_json(m.itl))
      .set("e2e", distribution_json(m.e2e))
      .set("mean_batch", m.mean_batch)
      .set("busy_fraction", m.busy_fraction)
      .set("kv_peak_fraction", m.kv_peak_fraction)
      .set("preemptions", m.preemptions)
      .set("error_band", band_json(d.band))
      .set("exchange_share_fraction", m.exchange_share)
      .set("phases", phases_json(m))
      .set("router", router_json(d.router))
      .set("buffers", buffers_json(m.buffers))
      .set("memory", memory_json(d.memory))
      .set("price_id", d.money.price_id)
      .set("price_tier", d.money.tier)
      .set("price_as_of", d.money.as_of.text())
      .set("instances", d.money.instances)
      .set("stranded_gpus", d.money.stranded_gpus)
      .set("rent_usd_per_h", in_usd_per_hour(d.money.rent))
      .set("cost_breakdown_usd_per_month", cost_breakdown(d.money))
      .set("energy_joules_per_token", models::in_joules(d.energy))
      .set("energy_basis", kEnergyBasis);
  return json;
}

Json provenance_json(const Scenario& scenario, const ReportContext& context) {
  Json laws = Json::array();
  for (const HardwareOption& option : scenario.hardware) {
    for (const models::LawInfo& law : option.laws.all()) {
      laws.push(law_json(law, option.gpu.id));
    }
  }
  Json accuracy;
  if (scenario.accuracy) {
    const models::AccuracyDescription& what = scenario.accuracy->description();
    accuracy = Json::object()
                   .set("curve", what.id)
                   .set("name", what.name)
                   .set("model", what.model)
                   .set("method", what.method)
                   .set("metric", what.metric)
                   .set("router", what.router)
                   .set("finetuned", what.finetuned)
                   .set("band", what.band)
                   .set("source", scenario.accuracy->points().front().source);
  }
  Json origin = Json::object();
  for (const auto& [key, from] : scenario.architecture.origin) {
    origin.set(key, from);
  }
  return Json::object()
      .set("tool", "moeplan")
      .set("version", context.version)
      .set("scenario", std::filesystem::path(scenario.file).filename().string())
      .set("scenario_sha256", scenario.sha256)
      .set("seed", scenario.seed)
      .set("model", scenario.architecture.name)
      .set("model_fields", origin)
      .set("precision", std::string(models::name_of(scenario.precision)))
      .set("router", std::string(models::name_of(scenario.router)))
      .set("routing", routing_json(scenario))
      .set("traffic", scenario.workload.source)
      .set("traffic_notes", scenario.workload.notes)
      .set("network", scenario.network.text())
      .set("replica_split", scenario.split_text())
      .set("price_book", scenario.prices.book.id())
      .set("price_tiers", scenario.prices.tiers)
      .set("price_as_of", scenario.prices.as_of.text())
      .set("accuracy", accuracy)
      .set("laws", laws);
}

Json break_even_json(const Plan& plan) {
  Json all = Json::array();
  for (const BreakEven& b : plan.break_even) {
    const Design& own = plan.designs[b.design];
    const Design& rival = plan.designs[b.against];
    const auto node = [](const Design& d) { return d.node.empty() ? Json() : Json(d.node); };
    all.push(Json::object()
                 .set("gpu", own.gpu)
                 .set("node", node(own))
                 .set("paid_gpus", b.paid_gpus)
                 .set("rent_usd_per_gpu_h", in_usd_per_hour(b.rent_per_gpu))
                 .set("break_even_usd_per_gpu_h", in_usd_per_hour(b.break_even))
                 .set("wins", b.wins())
                 .set("against_gpu", rival.gpu)
                 .set("against_node", node(rival))
                 .set("against_usd_per_month", rival.money.usd_per_month));
  }
  return all;
}

Json pruning_limit_json(const Plan& plan) {
  if (!plan.pruning_limit) {
    return {};
  }
  const PruningLimit& limit = *plan.pruning_limit;
  const auto number = [](const std::optional<std::int64_t>& n) { return n ? Json(*n) : Json(); };
  Json rows = Json::array();
  for (const PruningRow& row : limit.rows) {
    const Design* d = row.design ? &plan.designs[*row.design] : nullptr;
    rows.push(
        Json::object()
            .set("experts_kept", row.experts_kept)
            .set("binding", row.binding)
            .set("reason", row.reason)
            .set("design", row.design ? Json(*row.design) : Json())
            .set("cost_usd_per_month", d != nullptr ? Json(d->money.usd_per_month) : Json())
            .set("accuracy", d != nullptr && d->accuracy ? Json(d->accuracy->value) : Json()));
  }
  return Json::object()
      .set("experts_kept", number(limit.fewest))
      .set("binding", limit.binding)
      .set("reason", limit.reason)
      .set("fewest_by_accuracy", number(limit.fewest_by_accuracy))
      .set("rows", rows);
}

Json api_json(const Plan& plan) {
  if (!plan.api) {
    return {};
  }
  const auto rate = [](const std::optional<double>& r) { return r ? Json(*r) : Json(); };
  return Json::object()
      .set("api_cost_usd_per_month", plan.api->api_usd_per_month)
      .set("api_cost_usd_per_million_tokens", plan.api->api_usd_per_million_tokens)
      .set("cost_usd_per_month", plan.api->own_usd_per_month)
      .set("break_even_usd_per_million_tokens", plan.api->break_even_usd_per_million_tokens)
      .set("wins_from_requests_per_s", rate(plan.api->wins_from))
      .set("wins_always_from_requests_per_s", rate(plan.api->wins_always_from));
}

Json plan_json(const Plan& plan, const Scenario& scenario, const ReportContext& context,
               const Uncertainty* uncertainty) {
  Json infeasible = Json::array();
  for (const Infeasible& why : plan.infeasible) {
    Json row = Json::object();
    set_layout(row, why.candidate, scenario.hardware[why.candidate.hardware].gpu.id,
               why.candidate.gpus);
    row.set("code", why.code).set("reason", why.reason);
    infeasible.push(std::move(row));
  }
  Json pareto = Json::array();
  for (const std::size_t index : plan.pareto) {
    pareto.push(design_json(plan.designs[index]));
  }
  Json designs = Json::array();
  for (const Design& design : plan.designs) {
    designs.push(design_json(design));
  }
  const auto own_binding = [&](const std::optional<std::size_t>& index) {
    return index ? Json(plan.designs[*index].capacity.binding) : Json();
  };
  return Json::object()
      .set("schema_version", kPlanSchemaVersion)
      .set("name", scenario.name)
      .set("objectives", objectives_json(scenario.objectives))
      .set("recommendation",
           optional_design(plan.designs, plan.recommended, plan.binding_constraint))
      .set("baseline", optional_design(plan.designs, plan.baseline, own_binding(plan.baseline)))
      .set("baseline_reason", plan.baseline ? Json() : Json(plan.baseline_reason))
      .set("runner_up", optional_design(plan.designs, plan.runner_up, own_binding(plan.runner_up)))
      .set("uncertainty", uncertainty_json(uncertainty))
      .set("break_even", break_even_json(plan))
      .set("pruning_limit", pruning_limit_json(plan))
      .set("api_break_even", api_json(plan))
      .set("rent_or_buy", rent_or_buy_json(plan))
      .set("day", day_json(plan))
      .set("reasons", plan.reasons)
      .set("warnings", plan.warnings)
      .set("accuracy_curve", accuracy_curve_json(scenario))
      .set("pareto", pareto)
      .set("designs", designs)
      .set("infeasible", infeasible)
      .set("provenance", provenance_json(scenario, context));
}

}  // namespace moeplan::sim
