#include "sim/report/json_parts.hpp"

namespace moeplan::sim {

using text::Json;

Json distribution_json(const Distribution& d) {
  return Json::object()
      .set("mean_s", d.mean)
      .set("p50_s", d.p50)
      .set("p90_s", d.p90)
      .set("p95_s", d.p95)
      .set("p99_s", d.p99)
      .set("p99_standard_error_s", d.p99_error)
      .set("max_s", d.max)
      .set("count", d.count);
}

Json curves_json(const std::optional<LatencyCurves>& curves) {
  if (!curves) {
    return {};
  }
  return Json::object()
      .set("fractions", std::vector<double>(kCurveFractions.begin(), kCurveFractions.end()))
      .set("ttft_s", curves->ttft)
      .set("tpot_s", curves->tpot);
}

Json objectives_json(const Objectives& objectives) {
  const auto bound = [](double seconds) { return seconds > 0.0 ? Json(seconds) : Json(); };
  const LatencyObjectives& latency = objectives.latency;
  return Json::object()
      .set("ttft_p50_s", bound(latency.ttft_p50_s))
      .set("ttft_p99_s", bound(latency.ttft_p99_s))
      .set("tpot_p50_s", bound(latency.tpot_p50_s))
      .set("tpot_p99_s", bound(latency.tpot_p99_s))
      .set("accuracy_loss", objectives.accuracy_loss)
      .set("budget_usd_per_month",
           objectives.budget ? Json(objectives.budget->value() * kSecondsPerMonth) : Json());
}

Json phases_json(const ServingMetrics& metrics) {
  const PhaseTimes& phases = metrics.phases;
  Json result = Json::object();
  const double total = in_seconds(phases.total());
  for (std::size_t i = 0; i < kPhaseCount; ++i) {
    const auto phase = static_cast<Phase>(i);
    result.set(std::string(name_of(phase)) + "_fraction",
               total > 0.0 ? in_seconds(phases[phase]) / total : 0.0);
  }
  return result.set("mean_step_s",
                    metrics.steps > 0 ? total / static_cast<double>(metrics.steps) : 0.0);
}

Json memory_json(const MemoryBudget& m) {
  return Json::object()
      .set("capacity_bytes", in_bytes(m.capacity))
      .set("usable_bytes", in_bytes(m.usable))
      .set("expert_weights_bytes", in_bytes(m.expert_weights))
      .set("other_weights_bytes", in_bytes(m.other_weights))
      .set("activations_bytes", in_bytes(m.activations))
      .set("buffers_bytes", in_bytes(m.buffers))
      .set("kv_bytes", in_bytes(m.kv))
      .set("kv_bytes_per_token", in_bytes(m.kv_per_token))
      .set("kv_blocks", m.kv_blocks);
}

void set_layout(Json& json, const Candidate& c, const std::string& gpu, std::int64_t gpus) {
  json.set("experts_kept", c.experts_kept == 0 ? Json() : Json(c.experts_kept))
      .set("gpu", gpu)
      .set("gpus", gpus)
      .set("tensor_parallel", c.tensor_parallel)
      .set("expert_parallel", c.expert_ranks())
      .set("data_parallel", c.data_parallel)
      .set("pipeline_parallel", c.pipeline_parallel)
      .set("placement", std::string(models::name_of(c.placement)))
      .set("redundant_experts", c.redundant_experts);
}

text::Json cost_breakdown(const Money& money) {
  const auto month = [](UsdPerSecond rate) { return rate.value() * kSecondsPerMonth; };
  if (!money.owned) {
    return text::Json::object().set("rent", money.usd_per_month);
  }
  return text::Json::object()
      .set("capital", month(money.owned->capital))
      .set("energy", month(money.owned->energy))
      .set("hosting", month(money.owned->hosting))
      .set("operations", month(money.owned->operations))
      .set("licences", month(money.owned->licences));
}

}  // namespace moeplan::sim
