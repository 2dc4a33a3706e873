#pragma once
// StudyResult: the answer to a PretrainingStudy: every measured option with quality, inference and
// pretraining cost, the Pareto front, the recommendation with its reasons.

#include <optional>
#include <string>
#include <vector>

#include "sim/study/choice.hpp"
#include "sim/study/inference_cost.hpp"
#include "sim/study/pretraining_cost.hpp"
#include "sim/study/quality.hpp"
#include "sim/study/study.hpp"

namespace moeplan::sim {

struct StudyOption {
  MeasuredQuality quality;
  std::size_t pretraining = 0;            // index into StudyResult::pretraining
  std::size_t inference = 0;              // index into StudyResult::inference
  std::optional<std::size_t> finetuning;  // index into StudyResult::finetuning, of a pruned one
  std::string why_not;     // why it is out, "" for one that works and meets the objectives
  bool works = false;      // it can be trained and run; only then the merit means something
  Merit merit;             // its pretraining: with the fine-tuning
  Usd lifetime_cost;       // pretraining + fine-tuning + inference over study.lifetime
  Usd lifetime_cost_low;   // by the bands of the two trainings alone
  Usd lifetime_cost_high;  //
  bool on_front = false;   // of all options that work, whatever the objectives
};

// A pruned option that keeps fewer experts than a model trained from scratch has, and is as good
// (but for study.objectives.quality_tolerance).
struct StudyBreakEven {
  std::size_t option = 0;           // index into StudyResult::options
  std::size_t scratch = 0;          // likewise
  double quality_difference = 0.0;  // option minus scratch
  std::optional<Tokens> pays_from;  // lifetime tokens; nullopt: never
};

// What pretraining more experts buys at the same inference cost: a pruned option against its own
// size from scratch.
struct StudyGain {
  std::size_t option = 0;
  std::size_t scratch = 0;
  double quality_gain = 0.0;             // fraction
  std::optional<double> standard_error;  // of it, unpaired
  Usd extra_cost;                        // of pretraining
};

struct StudyResult {
  std::vector<PretrainingCost> pretraining;  // [study.pretraining.experts]
  std::vector<PretrainingCost> finetuning;   // ascending experts kept, where the study has it
  std::vector<InferenceCost> inference;      // ascending experts kept
  std::vector<StudyOption> options;          // as StudyQualities::options
  std::vector<NotMeasured> not_measured;
  std::vector<StudyThreshold> thresholds;
  std::vector<std::size_t> pareto;  // indices into options
  std::optional<std::size_t> recommended;
  std::vector<CheapestFrom> by_lifetime;  // of options that meet the objectives; into options
  std::vector<StudyBreakEven> break_even;
  std::vector<StudyGain> gains;
  std::vector<std::string> reasons;   // sentences
  std::vector<std::string> warnings;  // sentences
};

// Deterministic in the study; threads change nothing but the time taken.
// Throws: as make_plan, when the study has a serving scenario.
StudyResult run_study(const PretrainingStudy& study, const PlanOptions& options = {});

// Sentences for people. Internal to run_study.
std::vector<std::string> study_reasons(const PretrainingStudy& study, const StudyResult& result);
std::vector<std::string> study_warnings(const PretrainingStudy& study, const StudyResult& result);

}  // namespace moeplan::sim
