#pragma once
// InferenceCost: what running a model of so many experts takes. It depends on the experts kept
// alone: a pruned model runs as one pretrained with as many.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/units/quantity.hpp"
#include "sim/plan/plan.hpp"
#include "sim/study/study.hpp"

namespace moeplan::sim {

struct InferenceCost {
  std::int64_t kept = 0;
  std::string why_not;  // why it cannot run; "": it can
  Seconds latency;      // of a static pass; p99 TPOT of the cheapest fleet of a serving scenario
  // 5 and 95 % of the laws' errors; a serving design's slow end is absent where slower laws would
  // overload the fleet.
  std::optional<Seconds> latency_low;
  std::optional<Seconds> latency_high;
  Bytes memory;  // of the fullest GPU: weights, and buffers or activations; no KV cache
  std::int64_t gpus = 0;
  std::string layout;     // "8 x a10, experts over 2"; "3 engines of TP2 on a10"
  std::string price_id;   //
  UsdPerSecond rent;      // of whole instances
  UsdPerToken per_token;  // static: passes back to back; serving: of the scenario's traffic
  bool extrapolated = false;
};

// What a latency is: "forward pass" or "p99 TPOT".
std::string latency_name(const PretrainingStudy& study);

// One for every count of study.experts_kept and pretraining.experts that the inference scenario
// runs, ascending. Deterministic; a serving scenario is planned (make_plan).
// Throws: as make_plan.
std::vector<InferenceCost> inference_costs(const PretrainingStudy& study,
                                           const PlanOptions& options);

}  // namespace moeplan::sim
