#pragma once
// What `moeplan lab` prints and writes of an experiment.

#include "app/inspect_page.hpp"
#include "models/laboratory/findings.hpp"

namespace moeplan::app {

// The answers, sizes, pruned networks against the same size from scratch, thresholds.
Page lab_page(const models::LabResult& result, const models::LabFindings& found);

// seed,task,method,router,pretrained,kept,accuracy_before,accuracy,refused: every evaluated
// network.
std::string lab_rows_csv(const models::LabResult& result);

}  // namespace moeplan::app
