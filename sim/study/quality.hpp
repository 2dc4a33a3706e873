#pragma once
// What the accuracy table says of the study's options: measured rows only, nothing between them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/accuracy/threshold.hpp"
#include "sim/study/study.hpp"

namespace moeplan::sim {

inline constexpr const char* kFromScratch = "none";  // method of a model that is not pruned

// One model of the table: mean over its tasks.
struct MeasuredQuality {
  std::int64_t pretrained = 0;
  std::int64_t kept = 0;
  std::string method;  // kFromScratch: as pretrained
  double accuracy = 0.0;
  std::optional<double> standard_error;  // binomial, of the mean
  // Accuracy of the model of `kept` experts trained from scratch minus this one's (positive: a
  // loss); 0 for that model itself. The error takes the two as unpaired.
  double loss = 0.0;
  std::optional<double> loss_standard_error;
  bool pruned() const { return method != kFromScratch; }
  // "128 -> 64 by uncurl", "64 from scratch".
  std::string name() const;
};

// A combination that the study asks for and the table has not.
struct NotMeasured {
  std::int64_t pretrained = 0;
  std::int64_t kept = 0;
  std::string method;
  std::string reason;
};

// The largest pruning factor at which a model beats the same size trained from scratch.
struct StudyThreshold {
  std::int64_t pretrained = 0;
  std::string method;
  models::Threshold threshold;
};

struct StudyQualities {
  std::vector<MeasuredQuality> options;    // by pretrained, kept (descending), method
  std::vector<NotMeasured> not_measured;   // in the same order
  std::vector<StudyThreshold> thresholds;  // where the table has pruned rows
};

// Every pretrained count with every kept count up to it and every method.
StudyQualities measured_qualities(const PretrainingStudy& study);

}  // namespace moeplan::sim
