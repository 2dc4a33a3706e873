#pragma once
// AccuracyCurve: accuracy of one model under one pruning method against the experts kept, with a
// band, as published or measured. Read by the planner; it answers only inside the measured range.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moeplan::models {

// One evaluated model. Accuracies are fractions 0..1 (of the aggregate over the curve's tasks).
struct AccuracyPoint {
  std::int64_t experts_kept = 0;
  double value = 0.0;
  std::optional<double> standard_error;  // of `value`; absent where the band is unknown
  std::int64_t samples = 0;              // problems or questions in all tasks; 0: unknown
  std::string source;
};

// low and high: two-sided interval at the confidence asked for; equal to value when the curve has
// no band (then has_band is false: say so, never read it as certainty).
struct AccuracyEstimate {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
  bool measured = false;  // at a point, not between two
  bool has_band = false;
  std::int64_t samples = 0;  // of the point, or the smaller of the two it lies between
};

// One task in the aggregate: value = sum of weight * task value, weights sum to 1.
struct AccuracyTask {
  std::string name;
  double weight = 1.0;
  std::int64_t samples = 0;  // 0: unknown
  std::string source;        // of the number of samples
};

// What the numbers are; all texts are printed with a recommendation.
struct AccuracyDescription {
  std::string id;
  std::string name;
  std::string model;  // "Qwen3-30B-A3B"
  // The architecture of that model, as the file names it (catalog id or path; "" where it does
  // not), and its shape, by which a model that only has as many experts is told apart.
  std::string architecture;
  std::int64_t hidden = 0;
  std::int64_t layers = 0;
  std::string table;   // of which a curve is a part; "" for a curve of its own
  std::string method;  // "REAP"
  std::string metric;  // "pass@1"
  std::vector<AccuracyTask> tasks;
  std::int64_t pretrained_experts = 0;
  std::int64_t top_k = 0;
  std::string router;  // RouterMode that the evaluated models used
  bool finetuned = false;
  std::string calibration;  // data the method saw; may be empty
  std::string band;         // "binomial", or the stated assumption, or "none"
  std::string note;         // what a reader must know; may be empty
};

inline constexpr double kConfidence = 0.95;

class AccuracyCurve {
 public:
  // Points in any order, one per experts_kept. Throws: std::logic_error when empty or repeated, or
  // a value outside 0..1.
  AccuracyCurve(AccuracyDescription description, std::vector<AccuracyPoint> points);

  const AccuracyDescription& description() const { return description_; }
  const std::vector<AccuracyPoint>& points() const { return points_; }  // ascending experts_kept
  std::int64_t smallest() const { return points_.front().experts_kept; }
  std::int64_t largest() const { return points_.back().experts_kept; }
  // The point with experts_kept == pretrained_experts; nullptr when it was not evaluated.
  const AccuracyPoint* unpruned() const;

  // Monotone cubic interpolation (Fritsch-Carlson: no overshoot between points); the standard
  // error between two points is the larger of theirs. nullopt outside the measured range.
  // confidence in (0, 1).
  std::optional<AccuracyEstimate> at(std::int64_t kept, double confidence = kConfidence) const;

  // at(kept) minus the unpruned value (negative: worse). The interval takes the two as unpaired:
  // wider than it would be from per-problem results, which are not published. At the unpruned
  // point: 0 with low = high = 0. nullopt outside the range or without an unpruned point.
  std::optional<AccuracyEstimate> change(std::int64_t kept, double confidence = kConfidence) const;

  // True when the interval of change(kept) excludes 0: the loss (or gain) is more than noise.
  bool distinguishable(std::int64_t kept, double confidence = kConfidence) const;

 private:
  double interpolate(std::size_t i, double t) const;
  AccuracyDescription description_;
  std::vector<AccuracyPoint> points_;
  std::vector<double> slopes_;  // [points]
};

// sqrt(p (1 - p) / n). Throws: std::logic_error unless 0 <= p <= 1, n > 0.
double binomial_standard_error(double p, std::int64_t n);

// z with P(|N(0,1)| <= z) = confidence: 1.959964 for 0.95. Throws: std::logic_error outside (0, 1).
double two_sided_quantile(double confidence);

}  // namespace moeplan::models
