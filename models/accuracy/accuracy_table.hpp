#pragma once
// AccuracyTable: evaluated models x tasks, as papers print them: models pretrained with different
// expert counts, and what pruning made of them. Curves and the threshold are derived from it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/accuracy/accuracy_curve.hpp"

namespace moeplan::models {

struct AccuracyRow {
  std::string name;
  std::string method;                    // "none": trained at this size from scratch, not pruned
  std::int64_t pretrained = 0;           // experts per layer in pretraining (1: the dense model)
  std::int64_t kept = 0;                 // experts per layer evaluated
  std::map<std::string, double> values;  // task -> fraction; tasks not evaluated are absent
  std::string source;
};

struct AccuracyTable {
  AccuracyDescription description;  // method, pretrained_experts and router are those of the rows
  std::vector<AccuracyRow> rows;

  // Throws: InputError E_VALUE listing what there is.
  const AccuracyRow& row(const std::string& method, std::int64_t pretrained,
                         std::int64_t kept) const;
  const AccuracyRow* find(const std::string& method, std::int64_t pretrained,
                          std::int64_t kept) const;
  // Methods other than "none", in file order; numbers of experts pretrained, ascending.
  std::vector<std::string> methods() const;
  std::vector<std::int64_t> pretrained() const;

  // The points of one method from one pretrained model, the unpruned one included.
  // Rows that lack a task are left out. Throws: InputError E_VALUE when no row is left.
  AccuracyCurve curve(const std::string& method, std::int64_t pretrained) const;
};

// Weighted mean over tasks with its binomial standard error sqrt(sum w^2 p (1-p) / n); the error is
// absent when a task's number of samples is unknown. values: [tasks], same order as tasks.
AccuracyPoint aggregate(const std::vector<AccuracyTask>& tasks, const std::vector<double>& values,
                        std::int64_t kept, std::string source);

// The standard error of the weighted mean of independent tasks: sqrt(sum w^2 e^2).
// errors: one for every task. Throws: std::out_of_range when one is missing.
double aggregate_error(const std::vector<AccuracyTask>& tasks,
                       const std::map<std::string, double>& errors);

}  // namespace moeplan::models
