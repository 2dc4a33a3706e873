#include "models/accuracy/accuracy_table.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "models/text/input_error.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

constexpr const char* kFromScratch = "none";

// The values of the row in the order of the tasks; empty when one is absent.
std::vector<double> values_of(const AccuracyRow& row, const std::vector<AccuracyTask>& tasks) {
  std::vector<double> out;
  for (const AccuracyTask& task : tasks) {
    const auto found = row.values.find(task.name);
    if (found == row.values.end()) {
      return {};
    }
    out.push_back(found->second);
  }
  return out;
}

[[noreturn]] void no_such_row(const AccuracyTable& table, const std::string& method,
                              std::int64_t pretrained, const std::string& kept) {
  std::vector<std::string> known;
  for (const AccuracyRow& row : table.rows) {
    known.push_back(fmt::format("{} {}->{}", row.method, row.pretrained, row.kept));
  }
  const std::string wanted = fmt::format("{} {}->{}", method, pretrained, kept);
  throw InputError(
      Problem{.code = "E_VALUE",
              .file = {},
              .mark = {},
              .pointer = {},
              .what = fmt::format("accuracy table '{}' has no such row", table.description.id),
              .got = wanted,
              .expected = joined(known),
              .fix = did_you_mean(wanted, known)});
}

}  // namespace

AccuracyPoint aggregate(const std::vector<AccuracyTask>& tasks, const std::vector<double>& values,
                        std::int64_t kept, std::string source) {
  require(!tasks.empty() && tasks.size() == values.size(), "one value for every task");
  AccuracyPoint out;
  out.experts_kept = kept;
  out.source = std::move(source);
  double variance = 0.0;
  bool known = true;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    out.value += tasks[i].weight * values[i];
    known = known && tasks[i].samples > 0;
    if (known) {
      const double error = tasks[i].weight * binomial_standard_error(values[i], tasks[i].samples);
      variance += error * error;
      out.samples += tasks[i].samples;
    }
  }
  if (known) {
    out.standard_error = std::sqrt(variance);
  } else {
    out.samples = 0;
  }
  return out;
}

double aggregate_error(const std::vector<AccuracyTask>& tasks,
                       const std::map<std::string, double>& errors) {
  double variance = 0.0;
  for (const AccuracyTask& task : tasks) {
    const double error = task.weight * errors.at(task.name);
    variance += error * error;
  }
  return std::sqrt(variance);
}

const AccuracyRow* AccuracyTable::find(const std::string& method, std::int64_t pretrained_experts,
                                       std::int64_t kept) const {
  for (const AccuracyRow& row : rows) {
    if (row.method == method && row.pretrained == pretrained_experts && row.kept == kept) {
      return &row;
    }
  }
  return nullptr;
}

const AccuracyRow& AccuracyTable::row(const std::string& method, std::int64_t pretrained_experts,
                                      std::int64_t kept) const {
  const AccuracyRow* found = find(method, pretrained_experts, kept);
  if (found == nullptr) {
    no_such_row(*this, method, pretrained_experts, fmt::format("{}", kept));
  }
  return *found;
}

std::vector<std::string> AccuracyTable::methods() const {
  std::vector<std::string> out;
  for (const AccuracyRow& row : rows) {
    if (row.method != kFromScratch && std::find(out.begin(), out.end(), row.method) == out.end()) {
      out.push_back(row.method);
    }
  }
  return out;
}

std::vector<std::int64_t> AccuracyTable::pretrained() const {
  std::set<std::int64_t> out;
  for (const AccuracyRow& row : rows) {
    out.insert(row.pretrained);
  }
  return {out.begin(), out.end()};
}

AccuracyCurve AccuracyTable::curve(const std::string& method,
                                   std::int64_t pretrained_experts) const {
  std::vector<AccuracyPoint> points;
  bool has_method = false;
  for (const AccuracyRow& row : rows) {
    const bool unpruned = row.method == kFromScratch && row.kept == row.pretrained;
    if (row.pretrained != pretrained_experts || (row.method != method && !unpruned)) {
      continue;
    }
    const std::vector<double> values = values_of(row, description.tasks);
    if (values.empty()) {
      continue;
    }
    has_method = has_method || row.method == method;
    points.push_back(aggregate(description.tasks, values, row.kept, row.source));
  }
  if (!has_method) {
    no_such_row(*this, method, pretrained_experts, "...");
  }
  AccuracyDescription out = description;
  out.id = fmt::format("{}/{}/{}", description.id, method, pretrained_experts);
  out.method = method;
  out.pretrained_experts = pretrained_experts;
  return AccuracyCurve(std::move(out), std::move(points));
}

}  // namespace moeplan::models
