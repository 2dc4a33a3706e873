#pragma once
// Threshold: the largest pruning factor (pretrained / kept) that a rule still accepts, derived from
// measured accuracies (serving.md 6).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/accuracy/accuracy_table.hpp"

namespace moeplan::models {

// A pruned model holds when its accuracy minus the reference's is
//   at least -tolerance (unpruned), or above -tolerance (from scratch: it must beat it);
// with a confidence, when the lower end of the two-sided interval of the difference is.
struct ThresholdRule {
  enum class Reference { unpruned, from_scratch_same_size };
  Reference reference = Reference::unpruned;
  bool mean_over_tasks = true;       // false: every task (or `task` alone) must hold
  double tolerance = 0.0;            // fraction
  std::optional<double> confidence;  // absent: the point estimate decides
  std::string task;                  // with mean_over_tasks false: only this task; "" = all
};

// One comparison behind the threshold.
struct FactorVerdict {
  double factor = 0.0;
  std::int64_t kept = 0;
  std::string task;         // "" = mean over tasks
  double difference = 0.0;  // pruned minus reference, fraction
  // Unpaired binomial interval of the difference at the rule's confidence (kConfidence without);
  // absent when a number of samples is unknown.
  std::optional<double> standard_error;
  std::optional<double> low;
  std::optional<double> high;
  bool holds = false;
};

struct Threshold {
  double factor = 0.0;                  // 0: none holds
  bool distinguishable = false;         // at that factor, every interval excludes a difference of 0
  std::vector<FactorVerdict> verdicts;  // ascending factor, then task; all measured factors > 1
};

// Throws: InputError E_VALUE when the table has no such rows, no reference of the same size, an
// unknown task, or no intervals although the rule has a confidence.
Threshold threshold(const AccuracyTable& table, const std::string& method, std::int64_t pretrained,
                    const ThresholdRule& rule);

// The same from a curve; its reference is the unpruned model, its only task the aggregate.
// Throws: InputError E_VALUE for a rule that needs a table, or without an unpruned point.
Threshold threshold(const AccuracyCurve& curve, const ThresholdRule& rule);

}  // namespace moeplan::models
