#pragma once
// One simulated design (moeplan simulate): every metric of serving.md 5 as JSON, as text, as one
// CSV row.

#include <string>

#include "models/text/json.hpp"
#include "sim/plan/design.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/report_writer.hpp"

namespace moeplan::sim {

inline constexpr int kSimulationSchemaVersion = 1;

// design: as assess() made it. Latencies and rates of an overloaded run are null: its queue grows,
// so they say how long it ran, not how it serves. Money is null where the price book has no offer.
// uncertainty: of this design; nullptr: intervals were not asked for (the key is null).
text::Json simulation_json(const Design& design, const Scenario& scenario,
                           const ReportContext& context, const Uncertainty* uncertainty = nullptr);

// The same for people.
std::string simulation_text(const Design& design, const Scenario& scenario,
                            const ReportContext& context, TextStyle style,
                            const Uncertainty* uncertainty = nullptr);

}  // namespace moeplan::sim
