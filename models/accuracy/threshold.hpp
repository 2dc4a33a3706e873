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
  // Interval of the difference at the rule's confidence (kConfidence without): unpaired from the
  // standard errors of both; absent when one is unknown.
  std::optional<double> standard_error;
  std::optional<double> low;
  std::optional<double> high;
  bool holds = false;
};

struct Threshold {
  double factor = 0.0;  // 0: none holds
  // The interval of the factor: up to `low_factor` every difference holds also by the lower end of
  // its interval, up to `high_factor` by the upper end (a larger one is excluded). nullopt where a
  // comparison on the way has no interval.
  std::optional<double> low_factor;
  std::optional<double> high_factor;
  bool distinguishable = false;         // at that factor, every interval excludes a difference of 0
  std::vector<FactorVerdict> verdicts;  // ascending factor, then task; all measured factors > 1
};

// Whether a difference, pruned minus reference, is good enough.
bool holds(double difference, const ThresholdRule& rule);

// From comparisons whose differences and intervals are known; `holds` of each is set by the rule.
// Throws: InputError E_VALUE when the rule has a confidence and a comparison no interval.
Threshold threshold(std::vector<FactorVerdict> verdicts, const ThresholdRule& rule);

// Throws: InputError E_VALUE when the table has no such rows, no reference of the same size, an
// unknown task, or no intervals although the rule has a confidence.
Threshold threshold(const AccuracyTable& table, const std::string& method, std::int64_t pretrained,
                    const ThresholdRule& rule);

// The same from a curve; its reference is the unpruned model, its only task the aggregate.
// Throws: InputError E_VALUE for a rule that needs a table, or without an unpruned point.
Threshold threshold(const AccuracyCurve& curve, const ThresholdRule& rule);

}  // namespace moeplan::models
