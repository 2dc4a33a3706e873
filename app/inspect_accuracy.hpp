#pragma once
// What `moeplan inspect accuracy X` prints of a curve or a table: its points with their bands, and
// the threshold pruning factor under a rule, with the interval beside each verdict.

#include <cstdint>
#include <optional>
#include <string>

#include "app/inspect_page.hpp"
#include "models/accuracy/threshold.hpp"
#include "models/catalog/catalog.hpp"

namespace moeplan::app {

struct InspectAccuracyOptions {
  // Absent: from_scratch_same_size (the paper's rule) where the table has models trained from
  // scratch at sizes that pruning reached, else unpruned.
  std::optional<models::ThresholdRule::Reference> reference;
  bool mean_over_tasks = true;
  double tolerance = 0.0;
  std::optional<double> confidence;  // absent: the point estimate decides
  std::string task;                  // with mean_over_tasks false
  std::string method;                // of a table; "" = all
  std::int64_t pretrained = 0;       // of a table; 0 = all
};

// Throws: InputError as models::threshold, where the options name a method, a size or a task.
Page inspect_accuracy(const models::AccuracyData& data, const InspectAccuracyOptions& options);

}  // namespace moeplan::app
