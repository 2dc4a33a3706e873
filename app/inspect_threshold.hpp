#pragma once
// The part of `moeplan inspect accuracy` that judges: the threshold pruning factor of each method
// and size under one rule, the comparisons behind it, and what a reader may conclude.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/inspect_page.hpp"
#include "models/accuracy/threshold.hpp"

namespace moeplan::app {

class ThresholdSection {
 public:
  explicit ThresholdSection(const models::ThresholdRule& rule);

  void add(const std::string& method, std::int64_t pretrained, const models::Threshold& found);
  // For rows that the rule cannot be applied to.
  void add_failed(const std::string& method, std::int64_t pretrained, const std::string& reason);
  // Adds two tables, the sentences, the CSV table and the JSON keys rule, thresholds, conclusion.
  void write_to(Page& page) const;

 private:
  std::string conclusion() const;

  models::ThresholdRule rule_;
  PageTable summary_;
  PageTable comparisons_;
  std::vector<Row> csv_;
  std::vector<std::string> failed_;
  text::Json list_ = text::Json::array();
  double least_sure_ = 1.0;  // of the thresholds: the smallest confidence that still excludes 0
  bool held_ = false;        // some factor holds
  bool doubtful_ = false;    // one that holds has an interval with 0 in it
  bool intervals_ = true;    // every comparison has one
};

// The largest confidence (two-sided) at which the interval of the difference still excludes 0;
// nothing without an interval. erf(|difference| / standard error / sqrt 2).
std::optional<double> confidence_of(const models::FactorVerdict& verdict);

// "4", or "none".
std::string factor_text(double factor);
// " (interval 2 to 4)", or "" where it is not known.
std::string factor_interval_text(const models::Threshold& found);
// {factor, factor_low, factor_high}; null: none holds, or not known.
text::Json threshold_factors_json(const models::Threshold& found);

// Of --confidence: "point" or a fraction; "" when good, else what is wrong.
std::string check_confidence(const std::string& text);

}  // namespace moeplan::app
