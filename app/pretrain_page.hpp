#pragma once
// The answer to a pretraining study as a Page: what `moeplan pretrain` prints.

#include <vector>

#include "app/inspect_page.hpp"
#include "sim/study/run_study.hpp"

namespace moeplan::app {

// JSON: study, pretraining[], inference[], options[], pareto[] (indices into options[]),
// recommendation (null when nothing meets the objectives), thresholds[], by_lifetime[],
// break_even[], gains[], not_measured[], reasons[], warnings[], provenance. CSV: the options.
Page pretrain_page(const sim::PretrainingStudy& study, const sim::StudyResult& result);

// What --print-config shows: every value and where it came from (sim/study/study_values.hpp).
Page study_values_page(const sim::PretrainingStudy& study,
                       const std::vector<sim::StudyValue>& values);

}  // namespace moeplan::app
