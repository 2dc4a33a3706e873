#pragma once
// Intervals, probabilities and tornado of a plan or of one design, as JSON and as tables.

#include "models/text/json.hpp"
#include "sim/report/report_writer.hpp"
#include "sim/uncertainty/uncertainty.hpp"

namespace moeplan::sim {

// null for nullptr: intervals were not asked for. Keys: README of sim/report.
text::Json uncertainty_json(const Uncertainty* uncertainty);

// Sections "How sure these figures are" and "What drives them". designs: as DesignIntervals::design
// indexes them.
void add_uncertainty(const Uncertainty& uncertainty, const std::vector<Design>& designs,
                     const Scenario& scenario, ReportWriter& out);

}  // namespace moeplan::sim
