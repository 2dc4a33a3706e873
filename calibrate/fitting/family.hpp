#pragma once
// A family: rows that one law describes (one kernel, source and precision). Fits the law to all of
// them and, to know how it does on shapes it has not seen, to all but one shape in turn.

#include <optional>
#include <string>
#include <vector>

#include "calibrate/fitting/least_squares.hpp"
#include "calibrate/fitting/statistics.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::calibrate {

// One line of `fit --format json`, key families (interface.md).
struct FamilyReport {
  std::string kernel;
  std::string kernel_source;
  std::string dtype;
  std::string distribution;  // "" where routing plays no part
  std::int64_t shapes = 0;
  ErrorSummary errors;  // of the law fitted to all rows
  std::int64_t extrapolated_points = 0;
  std::optional<models::FitErrors::HeldOut> leave_one_shape_out;
  std::optional<models::FitErrors::HeldOut> leave_one_expert_count_out;
  // Of the bands that the other shapes give, on shapes held out; nothing below three.
  std::optional<Coverage> held_out_coverage;
};

struct FamilyFit {
  FitOutcome all;
  // [shapes], theta of the fit to all rows but those of the shape; empty below three shapes.
  std::vector<std::vector<double>> held_out;
};

// shape_of [rows]: 0 .. shapes - 1. free [parameters]: those that may be fitted; empty: all.
FamilyFit fit_family(const FitProblem& problem, const std::vector<int>& shape_of, int shapes,
                     const std::vector<bool>& free = {});

// [groups], theta of the fit to all rows but those of the group, starting from the fit to all;
// empty below three groups, and when a rest has fewer rows than parameters.
std::vector<std::vector<double>> hold_out(const FitProblem& problem, const FitOutcome& all,
                                          const std::vector<int>& group_of, int groups);

// The law of the outcome: theta by name (parameters switched off are left out), covariance.
// Domain, constants, errors and sources are the caller's.
models::FittedLaw law_from(const FitProblem& problem, const FitOutcome& outcome);

models::FitErrors errors_from(const FamilyReport& report);

// Numbers shapes in the order of their first row.
template <class Key>
int shape_index(std::vector<Key>& keys, const Key& key) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) {
      return static_cast<int>(i);
    }
  }
  keys.push_back(key);
  return static_cast<int>(keys.size()) - 1;
}

// Grows a domain by one value.
void cover(std::map<std::string, models::Interval>& domain, const std::string& axis, double value);

}  // namespace moeplan::calibrate
