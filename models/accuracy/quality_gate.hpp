#pragma once
// Quality gate: is a pruned model good enough to be released? Each rule is judged by the lower end
// of a two-sided interval, as thresholds are (threshold.hpp), or by the estimate.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/accuracy/accuracy_curve.hpp"

namespace moeplan::models {

struct GateRules {
  std::optional<double> minimum;       // accuracy at least this, fraction
  std::optional<double> largest_loss;  // below the unpruned model by at most this, fraction
  std::optional<double> confidence;    // absent: the estimate decides
};

struct GateVerdict {
  std::string rule;           // "min", "max_loss"
  double needed = 0.0;        // of the accuracy, or of its change (negative: a loss)
  double value = 0.0;         // accuracy, or change against the unpruned model
  std::optional<double> low;  // at the confidence (kConfidence without one)
  std::optional<double> high;
  bool passes = false;
  double margin = 0.0;  // what decides minus what is needed
};

struct GateResult {
  std::int64_t experts_kept = 0;
  bool measured = true;  // not between two points
  std::vector<GateVerdict> verdicts;
  bool passes = true;
};

// Throws: InputError: no rule; experts_kept outside the curve's range; a loss without an unpruned
// point; a confidence where the curve has no band.
GateResult judge(const AccuracyCurve& curve, std::int64_t experts_kept, const GateRules& rules);

}  // namespace moeplan::models
