#pragma once
// JSON of a pretraining study; a part of pretrain_page.

#include "models/text/json.hpp"
#include "sim/study/run_study.hpp"

namespace moeplan::app {

text::Json pretrain_json(const sim::PretrainingStudy& study, const sim::StudyResult& result);

}  // namespace moeplan::app
