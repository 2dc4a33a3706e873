#pragma once
// findings: what an experiment's rows say, with intervals over its seeds. Differences are taken
// within a seed (same problem, same data), means over its tasks, so that what the seeds have in
// common cancels; the interval is Student's over the seeds.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/accuracy/interval.hpp"
#include "models/accuracy/threshold.hpp"
#include "models/laboratory/experiment.hpp"

namespace moeplan::models {

inline constexpr const char* kNotPruned = "none";

// Networks of one size that were not pruned.
struct SizeFinding {
  std::int64_t experts = 0;
  MeanInterval pretraining;    // accuracy on pretraining's distribution
  MeanInterval accuracy;       // after fine-tuning, mean over tasks
  MeanInterval against_dense;  // accuracy minus the dense network's
  double dropped = 0.0;        // share of tokens in pretraining, mean over seeds
};

struct PrunedFinding {
  std::string method;
  std::string router;
  std::int64_t pretrained = 0;
  std::int64_t kept = 0;
  std::int64_t refused = 0;  // runs; with any, there is no mean over all tasks and no comparison
  std::optional<MeanInterval> before;  // accuracy before fine-tuning
  std::optional<MeanInterval> accuracy;
  std::optional<MeanInterval> against_scratch;  // minus the same size pretrained from scratch
  std::optional<MeanInterval> against_unpruned;
  std::optional<MeanInterval> against_greedy;  // minus `frequency` with the same router
};

// Of one method and pretrained count.
struct ThresholdFinding {
  std::string method;
  std::string router;
  std::int64_t pretrained = 0;
  Threshold from_scratch;  // the paper's rule: better than the same size from scratch
  Threshold unpruned;      // at most `tolerance` below the unpruned network
};

struct LabFindings {
  double confidence = kConfidence;
  double tolerance = 0.02;  // of ThresholdFinding::unpruned
  MeanInterval bayes;       // over seeds, mean over tasks
  MeanInterval bayes_pretraining;
  std::vector<SizeFinding> sizes;
  std::vector<PrunedFinding> pruned;  // by method, router, pretrained, kept
  std::vector<ThresholdFinding> thresholds;
  // Over all pairs of counts: uncurl minus frequency, and one against the other router.
  struct Contrast {
    std::string what;
    MeanInterval difference;
    std::int64_t pairs = 0;
  };
  std::vector<Contrast> contrasts;
  std::vector<std::string> statements;  // the questions and what the figures answer
};

LabFindings findings(const LabResult& result);

}  // namespace moeplan::models
