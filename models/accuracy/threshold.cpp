#include "models/accuracy/threshold.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "models/text/input_error.hpp"

namespace moeplan::models {
namespace {

// Decimal fractions do not subtract exactly: 0.558 - 0.538 is 0.020000000000000018.
constexpr double kRounding = 1e-12;

InputError wrong(const std::string& what, const std::string& got = "",
                 const std::string& expected = "", const std::string& fix = "") {
  return InputError(Problem{.code = "E_VALUE",
                            .file = {},
                            .mark = {},
                            .pointer = {},
                            .what = what,
                            .got = got,
                            .expected = expected,
                            .fix = fix});
}

// The difference of two independent accuracies.
FactorVerdict compare(const AccuracyPoint& pruned, const AccuracyPoint& reference, double factor,
                      const std::string& task, const ThresholdRule& rule) {
  FactorVerdict out;
  out.factor = factor;
  out.kept = pruned.experts_kept;
  out.task = task;
  out.difference = pruned.value - reference.value;
  if (pruned.standard_error && reference.standard_error) {
    out.standard_error = std::hypot(*pruned.standard_error, *reference.standard_error);
    const double half =
        two_sided_quantile(rule.confidence.value_or(kConfidence)) * *out.standard_error;
    out.low = out.difference - half;
    out.high = out.difference + half;
  }
  return out;
}

// The largest factor such that `good` for all verdicts of it and of all smaller ones; 0: none.
// Verdicts in ascending order of factor.
double largest_factor(const std::vector<FactorVerdict>& verdicts,
                      const std::function<bool(const FactorVerdict&)>& good) {
  double factor = 0.0;
  for (std::size_t begin = 0; begin < verdicts.size();) {
    std::size_t end = begin;
    bool all = true;
    for (; end < verdicts.size() && verdicts[end].factor == verdicts[begin].factor; ++end) {
      all = all && good(verdicts[end]);
    }
    if (!all) {
      break;
    }
    factor = verdicts[begin].factor;
    begin = end;
  }
  return factor;
}

std::vector<AccuracyTask> tasks_of(const AccuracyTable& table, const ThresholdRule& rule) {
  if (rule.mean_over_tasks || rule.task.empty()) {
    return table.description.tasks;
  }
  std::vector<std::string> names;
  for (const AccuracyTask& task : table.description.tasks) {
    if (task.name == rule.task) {
      return {task};
    }
    names.push_back(task.name);
  }
  throw wrong(fmt::format("accuracy table '{}' has no such task", table.description.id), rule.task,
              joined(names), did_you_mean(rule.task, names));
}

double value_of(const AccuracyTable& table, const AccuracyRow& row, const std::string& task) {
  const auto found = row.values.find(task);
  if (found == row.values.end()) {
    throw wrong(fmt::format("accuracy table '{}': '{}' was not evaluated on {}",
                            table.description.id, row.name, task));
  }
  return found->second;
}

AccuracyPoint point_of(const AccuracyTable& table, const AccuracyRow& row,
                       const std::vector<AccuracyTask>& tasks) {
  std::vector<double> values;
  for (const AccuracyTask& task : tasks) {
    values.push_back(value_of(table, row, task.name));
  }
  return aggregate(tasks, values, row.kept, row.source);
}

}  // namespace

bool holds(double difference, const ThresholdRule& rule) {
  return rule.reference == ThresholdRule::Reference::unpruned
             ? difference >= -rule.tolerance - kRounding
             : difference > -rule.tolerance + kRounding;
}

Threshold threshold(std::vector<FactorVerdict> verdicts, const ThresholdRule& rule) {
  std::stable_sort(
      verdicts.begin(), verdicts.end(),
      [](const FactorVerdict& a, const FactorVerdict& b) { return a.factor < b.factor; });
  bool intervals = true;
  for (FactorVerdict& v : verdicts) {
    intervals = intervals && v.low && v.high;
    if (rule.confidence && !v.low) {
      throw wrong(
          "a threshold with a confidence needs an interval of every comparison: the number "
          "of samples of every task, or standard errors");
    }
    v.holds = holds(rule.confidence ? *v.low : v.difference, rule);
  }
  Threshold out;
  out.verdicts = std::move(verdicts);
  out.factor = largest_factor(out.verdicts, [](const FactorVerdict& v) { return v.holds; });
  if (intervals) {
    out.low_factor =
        largest_factor(out.verdicts, [&](const FactorVerdict& v) { return holds(*v.low, rule); });
    out.high_factor =
        largest_factor(out.verdicts, [&](const FactorVerdict& v) { return holds(*v.high, rule); });
  }
  out.distinguishable = out.factor > 0.0;
  for (const FactorVerdict& v : out.verdicts) {
    if (v.factor == out.factor) {
      out.distinguishable =
          out.distinguishable && v.low && v.high && (*v.low > 0.0 || *v.high < 0.0);
    }
  }
  return out;
}

Threshold threshold(const AccuracyTable& table, const std::string& method, std::int64_t pretrained,
                    const ThresholdRule& rule) {
  std::vector<const AccuracyRow*> pruned;
  for (const AccuracyRow& row : table.rows) {
    if (row.method == method && row.pretrained == pretrained && row.kept < row.pretrained) {
      pruned.push_back(&row);
    }
  }
  if (pruned.empty()) {
    const std::vector<std::string> methods = table.methods();
    throw wrong(fmt::format("accuracy table '{}' has nothing pruned from {} experts this way",
                            table.description.id, pretrained),
                method, joined(methods), did_you_mean(method, methods));
  }
  std::sort(pruned.begin(), pruned.end(),
            [](const AccuracyRow* a, const AccuracyRow* b) { return a->kept > b->kept; });
  const std::vector<AccuracyTask> tasks = tasks_of(table, rule);
  std::vector<FactorVerdict> verdicts;
  for (const AccuracyRow* row : pruned) {
    const std::int64_t size =
        rule.reference == ThresholdRule::Reference::unpruned ? pretrained : row->kept;
    const AccuracyRow& reference = table.row("none", size, size);
    const double factor = static_cast<double>(pretrained) / static_cast<double>(row->kept);
    if (rule.mean_over_tasks) {
      verdicts.push_back(compare(point_of(table, *row, tasks), point_of(table, reference, tasks),
                                 factor, "", rule));
      continue;
    }
    for (AccuracyTask task : tasks) {
      task.weight = 1.0;
      verdicts.push_back(compare(point_of(table, *row, {task}), point_of(table, reference, {task}),
                                 factor, task.name, rule));
    }
  }
  return threshold(std::move(verdicts), rule);
}

Threshold threshold(const AccuracyCurve& curve, const ThresholdRule& rule) {
  if (rule.reference != ThresholdRule::Reference::unpruned || !rule.mean_over_tasks) {
    throw wrong(fmt::format("accuracy curve '{}' only knows its aggregate and its unpruned model",
                            curve.description().id),
                "", "reference unpruned, mean over tasks");
  }
  const AccuracyPoint* reference = curve.unpruned();
  if (reference == nullptr) {
    throw wrong(fmt::format("accuracy curve '{}' has no unpruned point", curve.description().id));
  }
  std::vector<FactorVerdict> verdicts;
  const auto pretrained = static_cast<double>(curve.description().pretrained_experts);
  for (auto point = curve.points().rbegin(); point != curve.points().rend(); ++point) {
    if (point->experts_kept < reference->experts_kept) {
      verdicts.push_back(compare(*point, *reference,
                                 pretrained / static_cast<double>(point->experts_kept), "", rule));
    }
  }
  return threshold(std::move(verdicts), rule);
}

}  // namespace moeplan::models
