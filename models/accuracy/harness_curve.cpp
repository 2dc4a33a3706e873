#include "models/accuracy/harness_curve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

#include "models/text/input_error.hpp"

namespace moeplan::models {
namespace {

// What SuperGLUE reports, formats.md of the design: lm_eval/tasks/super_glue.
const std::map<std::string, std::string> kSuperGlue = {
    {"boolq", "acc,none"}, {"cb", "acc,none"},  {"copa", "acc,none"}, {"multirc", "acc,none"},
    {"record", "f1,none"}, {"rte", "acc,none"}, {"wic", "acc,none"},  {"wsc", "acc,none"}};

template <class Map>
std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& entry : map) {
    keys.push_back(entry.first);
  }
  return keys;
}

[[noreturn]] void fail(const std::string& file, const std::string& pointer, std::string what,
                       std::string got = "", std::string expected = "", std::string fix = "") {
  throw InputError(Problem{.code = "E_VALUE",
                           .file = file,
                           .mark = {},
                           .pointer = pointer,
                           .what = std::move(what),
                           .got = std::move(got),
                           .expected = std::move(expected),
                           .fix = std::move(fix)});
}

class CurveMaker {
 public:
  CurveMaker(const std::vector<HarnessLevel>& levels, const HarnessCurveOptions& options)
      : levels_(levels), options_(options) {}

  HarnessCurve make() {
    check_levels();
    out_.file.description = options_.description;
    for (const std::string& name : tasks()) {
      add_task(name);
    }
    for (const HarnessLevel& level : levels_) {
      add_point(level);
    }
    note_what_matters();
    describe();
    return std::move(out_);
  }

 private:
  const HarnessResults& first() const { return levels_.front().results; }

  void check_levels() const {
    const AccuracyDescription& what = options_.description;
    std::set<std::int64_t> counts;
    std::map<std::string, std::string> files;
    for (const HarnessLevel& level : levels_) {
      const HarnessResults& run = level.results;
      if (level.experts_kept < what.top_k || level.experts_kept > what.pretrained_experts) {
        fail(run.file, "", "not a size of this model", fmt::format("{}", level.experts_kept),
             fmt::format("top_k {} to {} experts kept", what.top_k, what.pretrained_experts));
      }
      if (!counts.insert(level.experts_kept).second) {
        fail(run.file, "", "two runs for this number of experts kept",
             fmt::format("{}", level.experts_kept), "one");
      }
      const auto [other, fresh] = files.emplace(run.sha256, run.file);
      if (!fresh) {
        fail(run.file, "", "the same results stand for two numbers of experts kept",
             "the content of " + other->second);
      }
      if (run.limit != first().limit) {
        fail(run.file, "/config/limit", "runs over different parts of the tasks",
             run.limit.empty() ? "none" : run.limit,
             first().limit.empty() ? "none, as in " + first().file
                                   : first().limit + ", as in " + first().file);
      }
    }
  }

  // Every question once (see the header).
  void add_leaves(const std::string& name, std::set<std::string>& chosen,
                  std::set<std::string>& seen) {
    const auto found = first().tasks.find(name);
    if (found == first().tasks.end() || !seen.insert(name).second) {
      return;
    }
    const HarnessTask& task = found->second;
    if (task.subtasks.empty() || !task.metrics.empty()) {
      chosen.insert(name);
      return;
    }
    note(fmt::format("The group {} carries no metric: its tasks were taken.", name));
    for (const std::string& part : task.subtasks) {
      if (!first().tasks.contains(part)) {
        fail(first().file, "/results", fmt::format("the group {} names a task", name), part,
             "its results");
      }
      add_leaves(part, chosen, seen);
    }
  }

  std::vector<std::string> tasks() {
    if (!options_.tasks.empty()) {
      return options_.tasks;
    }
    std::set<std::string> below;
    for (const auto& [name, task] : first().tasks) {
      below.insert(task.subtasks.begin(), task.subtasks.end());
    }
    std::set<std::string> chosen;
    std::set<std::string> seen;
    for (const auto& [name, task] : first().tasks) {
      if (!below.contains(name)) {
        add_leaves(name, chosen, seen);
      }
    }
    return {chosen.begin(), chosen.end()};
  }

  static const HarnessTask& task_of(const HarnessResults& run, const std::string& name) {
    const auto found = run.tasks.find(name);
    if (found == run.tasks.end()) {  // exact names: mmlu is not mmlu_pro
      const std::vector<std::string> names = keys_of(run.tasks);
      fail(run.file, "/results", "the run has no such task", name, joined(names),
           did_you_mean(name, names));
    }
    const HarnessTask& task = found->second;
    if (task.old_format) {
      fail(run.file, "/results/" + name,
           "metrics without a filter, as lm-evaluation-harness wrote them before 0.4", "",
           "keys like acc,none");
    }
    if (task.metrics.empty()) {
      fail(run.file, "/results/" + name,
           task.subtasks.empty() ? "the task carries no metric" : "the group carries no metric", "",
           "a number under a key like acc,none",
           task.subtasks.empty() ? "" : "name its tasks: " + joined(task.subtasks));
    }
    return task;
  }

  std::string metric_name(const std::string& name, const HarnessTask& task) const {
    if (const auto own = options_.metrics.find(name); own != options_.metrics.end()) {
      return own->second;
    }
    if (!options_.metric.empty()) {
      return options_.metric;
    }
    if (task.metrics.size() == 1) {
      return task.metrics.begin()->first;
    }
    if (const auto known = kSuperGlue.find(name); known != kSuperGlue.end()) {
      return known->second;
    }
    fail(first().file, "/results/" + name, "the task has several metrics",
         joined(keys_of(task.metrics)), "one of them",
         fmt::format("choose with --metric {}=METRIC", name));
  }

  const HarnessMetric& metric_of(const HarnessResults& run, const std::string& name) const {
    const HarnessTask& task = task_of(run, name);
    const std::string& wanted = metrics_.at(name);
    const auto found = task.metrics.find(wanted);
    if (found == task.metrics.end()) {
      const std::vector<std::string> names = keys_of(task.metrics);
      fail(run.file, "/results/" + name, "the task has no such metric", wanted, joined(names),
           did_you_mean(wanted, names));
    }
    const HarnessMetric& metric = found->second;
    const std::string pointer = fmt::format("/results/{}/{}", name, wanted);
    if (!metric.higher_is_better) {
      fail(run.file, pointer, "lower is better: this is no accuracy");
    }
    if (metric.value < 0.0 || metric.value > 1.0) {
      fail(run.file, pointer, "this is no accuracy", fmt::format("{}", metric.value), "0 to 1");
    }
    return metric;
  }

  void add_task(const std::string& name) {
    std::vector<AccuracyTask>& tasks = out_.file.description.tasks;
    if (metrics_.contains(name)) {
      fail(first().file, "", "this task is named twice", name);
    }
    metrics_[name] = metric_name(name, task_of(first(), name));
    const HarnessTask& reference = task_of(first(), name);
    for (const HarnessLevel& level : levels_) {
      const HarnessTask& task = task_of(level.results, name);
      const auto same = [&](const char* key, const std::string& a, const std::string& b) {
        if (a != b) {
          fail(level.results.file, fmt::format("/{}/{}", key, name),
               "this run is not comparable with " + first().file, a.empty() ? "not stated" : a,
               b.empty() ? "not stated" : b);
        }
      };
      same("versions", task.version, reference.version);
      same("n-shot", task.shots, reference.shots);
      same("task_hashes", task.hash, reference.hash);
      same("n-samples", fmt::format("{} samples", task.samples),
           fmt::format("{} samples", reference.samples));
    }
    tasks.push_back({.name = name, .samples = reference.samples, .source = source_key(0)});
  }

  std::string source_key(std::size_t level) const {
    return fmt::format("run_{}", levels_[level].experts_kept);
  }

  // As the harness wrote it, else binomial, else nothing.
  std::optional<double> error_of(const HarnessResults& run, const AccuracyTask& task) {
    const HarnessMetric& metric = metric_of(run, task.name);
    if (metric.standard_error) {
      return metric.standard_error;
    }
    if (task.samples > 0) {
      binomial_.insert(task.name);
      return binomial_standard_error(metric.value, task.samples);
    }
    unknown_.insert(task.name);
    return std::nullopt;
  }

  void add_point(const HarnessLevel& level) {
    const HarnessResults& run = level.results;
    CurveFile::Point point;
    point.experts_kept = level.experts_kept;
    for (const AccuracyTask& task : out_.file.description.tasks) {
      point.values[task.name] = metric_of(run, task.name).value;
      if (const auto error = error_of(run, task)) {
        point.standard_errors[task.name] = *error;
      }
    }
    point.source = fmt::format("run_{}", level.experts_kept);
    out_.file.sources[point.source] = fmt::format(
        "lm-evaluation-harness {}, {} (sha256 {}), model {}, date {}",
        run.harness.empty() ? "of unknown version" : run.harness,
        std::filesystem::path(run.file).filename().string(), run.sha256.substr(0, 12),
        run.model.empty() ? "not stated" : run.model, run.date.empty() ? "not stated" : run.date);
    out_.file.points.push_back(std::move(point));
  }

  void note(std::string text) { out_.notes.push_back(std::move(text)); }

  void note_what_matters() {
    const auto names = [](const std::set<std::string>& tasks) {
      return joined({tasks.begin(), tasks.end()});
    };
    if (!first().limit.empty()) {
      note(fmt::format("Partial runs: config.limit is {}.", first().limit));
    }
    if (!binomial_.empty()) {
      note("No standard error from the harness, binomial instead: " + names(binomial_) + ".");
    }
    if (!unknown_.empty()) {
      note("No band: neither standard error nor number of samples of " + names(unknown_) + ".");
    }
    const auto unpruned =
        std::find_if(levels_.begin(), levels_.end(), [&](const HarnessLevel& level) {
          return level.experts_kept == options_.description.pretrained_experts;
        });
    if (unpruned == levels_.end()) {
      note("Without a run of the unpruned model there is no loss and no threshold.");
    }
  }

  void describe() {
    AccuracyDescription& what = out_.file.description;
    std::set<std::string> used;
    for (const auto& [task, metric] : metrics_) {
      used.insert(metric);
    }
    what.metric = joined({used.begin(), used.end()});
    for (AccuracyTask& task : what.tasks) {
      task.weight = 1.0 / static_cast<double>(what.tasks.size());
    }
    for (const std::string& text : out_.notes) {
      what.note += (what.note.empty() ? "" : " ") + text;
    }
  }

  const std::vector<HarnessLevel>& levels_;
  const HarnessCurveOptions& options_;
  HarnessCurve out_;
  std::map<std::string, std::string> metrics_;  // task -> metric
  std::set<std::string> binomial_;
  std::set<std::string> unknown_;
};

}  // namespace

HarnessCurve harness_curve(const std::vector<HarnessLevel>& levels,
                           const HarnessCurveOptions& options) {
  if (levels.empty()) {
    fail("", "", "a curve needs results");
  }
  return CurveMaker(levels, options).make();
}

}  // namespace moeplan::models
