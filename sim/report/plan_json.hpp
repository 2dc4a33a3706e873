#pragma once
// A plan as JSON (interface.md, "plan --format json"): keys with unit suffixes, fractions 0..1.

#include "models/text/json.hpp"
#include "sim/plan/plan.hpp"
#include "sim/uncertainty/uncertainty.hpp"

namespace moeplan::sim {

inline constexpr int kPlanSchemaVersion = 1;

// What energy_joules_per_token is, and is not.
inline constexpr const char* kEnergyBasis =
    "estimate: maximum board power x busy share of the GPUs, per input and output token; without "
    "CPUs, fans, network and cooling";

// What made the numbers: program version and the command line's relevant part.
struct ReportContext {
  std::string version;
};

// uncertainty: of this plan; nullptr: intervals were not asked for (the key is null).
text::Json plan_json(const Plan& plan, const Scenario& scenario, const ReportContext& context,
                     const Uncertainty* uncertainty = nullptr);

// One design, with all its keys.
text::Json design_json(const Design& design);

// Scenario file and hash, seed, laws with their source and errors, prices, accuracy, hardware.
text::Json provenance_json(const Scenario& scenario, const ReportContext& context);

}  // namespace moeplan::sim
