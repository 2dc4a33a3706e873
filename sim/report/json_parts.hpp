#pragma once
// What the JSON of a plan and of one simulated design share: keys with unit suffixes, fractions
// 0..1 (interface.md).

#include <string>

#include "models/text/json.hpp"
#include "sim/deployment/deployment.hpp"
#include "sim/plan/design.hpp"
#include "sim/result/metrics.hpp"

namespace moeplan::sim {

// {mean_s, p50_s, p90_s, p95_s, p99_s, p99_standard_error_s, max_s, count}.
text::Json distribution_json(const Distribution& distribution);
// {fractions, ttft_s, tpot_s}, values at the fractions of kCurveFractions; null without curves.
text::Json curves_json(const std::optional<LatencyCurves>& curves);
// Every objective of the scenario by its key with its unit; null where it has none.
text::Json objectives_json(const Objectives& objectives);
// "<phase>_fraction" of the total for every phase, and mean_step_s; zeros for an empty run.
text::Json phases_json(const ServingMetrics& metrics);
// The budget of one GPU in bytes, and its KV blocks.
text::Json memory_json(const MemoryBudget& memory);
// USD a month by kind, adding up to cost_usd_per_month: {rent}, or {capital, energy, hosting,
// operations, licences} of owned machines.
text::Json cost_breakdown(const Money& money);
// Sets experts_kept (null when dense), gpu, gpus, tensor_, expert_ and data_parallel, placement and
// redundant_experts.
void set_layout(text::Json& json, const Candidate& candidate, const std::string& gpu,
                std::int64_t gpus);

}  // namespace moeplan::sim
