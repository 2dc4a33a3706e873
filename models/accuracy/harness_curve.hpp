#pragma once
// harness_curve: results of lm-evaluation-harness at several pruning levels -> an accuracy curve.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/accuracy/curve_file.hpp"
#include "models/accuracy/harness_results.hpp"

namespace moeplan::models {

struct HarnessLevel {
  std::int64_t experts_kept = 0;
  HarnessResults results;
};

struct HarnessCurveOptions {
  AccuracyDescription description;  // all but metric, tasks, band; top_k to pretrained_experts: the
                                    // levels allowed
  std::vector<std::string> tasks;   // exact names, equal weights; empty: every task once, see below
  std::string metric;               // "acc,none" for tasks that `metrics` does not name; may be ""
  std::map<std::string, std::string> metrics;  // task -> "acc_norm,none"
};

struct HarnessCurve {
  CurveFile file;
  std::vector<std::string> notes;  // what a reader must know; also in the file's note
};

// Without names of tasks, every question counts once: a group that carries a metric stands for its
// tasks, one that carries none (lm-eval issue 3986) is left to them. Without a metric: the only one
// the task has, or SuperGLUE's (acc; record: f1). Standard errors as the harness wrote them; where
// it wrote "N/A", binomial from the number of samples, which is noted; where that is unknown too,
// the curve has no band, which is noted.
// Never does a missing value become a number. Throws: InputError: a task or metric that a file
// lacks; a metric that is no accuracy (outside 0..1, lower is better); levels that repeat, are
// outside top_k..pretrained_experts or share a file; runs that are not comparable (version, shots,
// hash, number of samples, limit).
HarnessCurve harness_curve(const std::vector<HarnessLevel>& levels,
                           const HarnessCurveOptions& options);

}  // namespace moeplan::models
