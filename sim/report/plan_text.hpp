#pragma once
// A plan for people: the recommendation and its reasons, the designs compared, the memory budget,
// where the time goes, what does not work and why, and what the numbers rest on.

#include <string>

#include "sim/plan/plan.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/report_writer.hpp"

namespace moeplan::sim {

// uncertainty: as plan_json.
std::string plan_text(const Plan& plan, const Scenario& scenario, const ReportContext& context,
                      TextStyle style, const Uncertainty* uncertainty = nullptr);

// One row per judged design, for spreadsheets: header and rows, keys as in JSON.
std::string plan_csv(const Plan& plan, const Scenario& scenario);

}  // namespace moeplan::sim
