// Accuracy curves and tables: data/accuracy.

#include <fmt/core.h>

#include <cmath>
#include <set>

#include "models/catalog/catalog.hpp"
#include "models/catalog/files.hpp"
#include "models/catalog/sourced.hpp"
#include "models/text/load.hpp"

namespace moeplan::models {
namespace {

constexpr text::Range kExperts{.low = 1.0, .high = 1e6};
constexpr const char* kCurve = "moeplan.accuracy_curve";
constexpr const char* kTable = "moeplan.accuracy_table";

// tasks: [{name, samples, weight, source}]. Weights: all or none; none = equal; they sum to 1.
std::vector<AccuracyTask> read_tasks(text::Reader& file, const Sources& sources) {
  std::vector<AccuracyTask> tasks;
  std::set<std::string> names;
  std::size_t weighted = 0;
  double sum = 0.0;
  for (text::Reader& entry : file.sections("tasks")) {
    AccuracyTask task;
    task.name = entry.string("name");
    if (!names.insert(task.name).second) {
      entry.problem("name", "E_DUPLICATE", "two tasks share this name");
    }
    task.samples = entry.count("samples", 0, text::kPositive);
    weighted += entry.has("weight") ? 1 : 0;
    task.weight = entry.number("weight", 0.0, text::kFraction);
    sum += task.weight;
    task.source = entry.has("samples") || entry.has("source") ? sources.of(entry) : "";
    entry.finish();
    tasks.push_back(std::move(task));
  }
  if (tasks.empty()) {
    if (file.has("tasks")) {
      file.problem("tasks", "E_RANGE", "no tasks", "at least one task");
    }
  } else if (weighted == 0) {
    for (AccuracyTask& task : tasks) {
      task.weight = 1.0 / static_cast<double>(tasks.size());
    }
  } else if (weighted < tasks.size() || std::fabs(sum - 1.0) > 1e-9) {
    file.problem("tasks", "E_VALUE", "the weights of the tasks do not add up",
                 "a weight for every task, summing to 1; or none, for equal weights");
  }
  return tasks;
}

std::map<std::string, double> read_values(text::Reader& entry,
                                          const std::vector<AccuracyTask>& tasks, bool all) {
  std::map<std::string, double> values;
  text::Reader section = entry.section("values");
  for (const AccuracyTask& task : tasks) {
    if (all || section.has(task.name)) {
      values[task.name] = section.number(task.name, text::kFraction);
    }
  }
  section.finish();
  return values;
}

// What curves and tables say alike.
AccuracyDescription read_description(text::Reader& file, const Sources& sources) {
  AccuracyDescription out;
  out.name = file.string("name");
  out.model = file.string("model");
  out.metric = file.string("metric");
  out.top_k = file.count("top_k", kExperts);
  out.router = file.choice("router", {"reinitialised", "sliced", "merged_logits"});
  out.finetuned = file.boolean("finetuned", false);
  out.calibration = file.string("calibration", "");
  out.note = file.string("note", "");
  out.tasks = read_tasks(file, sources);
  return out;
}

// band: binomial (all samples known), none, or stated with its standard_error and why.
std::optional<double> read_band(text::Reader& file, AccuracyDescription& description) {
  description.band = file.choice("band", {"binomial", "stated", "none"});
  if (description.band == "binomial") {
    for (const AccuracyTask& task : description.tasks) {
      if (task.samples == 0) {
        file.problem("band", "E_VALUE",
                     fmt::format("a binomial band needs the samples of task '{}'", task.name),
                     "samples of every task, or band: stated or none");
      }
    }
  }
  if (description.band != "stated") {
    return std::nullopt;
  }
  const double error = file.number("standard_error", {.low = 0.0, .high = 1.0, .low_open = true});
  description.band = "stated: " + file.string("band_reason");
  return error;
}

AccuracyCurve read_own_curve(text::Reader& file, const std::string& id) {
  const Sources sources(file);
  AccuracyDescription description = read_description(file, sources);
  description.id = id;
  description.method = file.string("method");
  description.pretrained_experts = file.count("pretrained_experts", kExperts);
  const std::optional<double> stated = read_band(file, description);
  std::vector<AccuracyPoint> points;
  std::set<std::int64_t> seen;
  for (text::Reader& entry : file.sections("points")) {
    const std::int64_t kept = entry.count("experts_kept", kExperts);
    if (kept > description.pretrained_experts || kept < description.top_k) {
      entry.problem("experts_kept", "E_RANGE", "not a pruned size of this model",
                    fmt::format("top_k {} to pretrained_experts {}", description.top_k,
                                description.pretrained_experts));
    }
    if (!seen.insert(kept).second) {
      entry.problem("experts_kept", "E_DUPLICATE", "two points for this number of experts");
    }
    const std::map<std::string, double> by_task = read_values(entry, description.tasks, true);
    std::vector<double> values;
    for (const AccuracyTask& task : description.tasks) {
      const auto found = by_task.find(task.name);
      values.push_back(found == by_task.end() ? 0.0 : found->second);
    }
    const std::string source = sources.of(entry);
    entry.finish();
    if (!file.problems().empty()) {
      continue;  // every problem of the file is reported at once, below
    }
    AccuracyPoint point = aggregate(description.tasks, values, kept, source);
    if (description.band != "binomial") {
      point.standard_error = stated;
    }
    points.push_back(std::move(point));
  }
  if (seen.empty() && file.has("points")) {
    file.problem("points", "E_RANGE", "a curve without points", "at least one point");
  }
  file.finish();
  file.problems().throw_if_any();
  return AccuracyCurve(std::move(description), std::move(points));
}

// A curve that is a part of a table: {table, method, pretrained_experts}.
AccuracyCurve read_table_curve(text::Reader& file, const std::string& id) {
  const std::string table_id = file.string("table");
  const std::string method = file.string("method");
  const std::int64_t pretrained = file.count("pretrained_experts", kExperts);
  const std::string name = file.string("name");
  file.finish();
  file.problems().throw_if_any();
  const AccuracyCurve curve = load_accuracy_table(table_id).curve(method, pretrained);
  AccuracyDescription description = curve.description();
  description.id = id;
  description.name = name;
  return AccuracyCurve(std::move(description), curve.points());
}

}  // namespace

AccuracyCurve load_accuracy(const std::string& id_or_path) {
  const std::filesystem::path path = named_path("accuracy", "accuracy curve", id_or_path);
  const text::Document document = text::load_yaml(path);
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, kCurve, 1, 1);
  problems.throw_if_any();
  const std::string id = path.stem().string();
  return file.has("table") ? read_table_curve(file, id) : read_own_curve(file, id);
}

AccuracyTable load_accuracy_table(const std::string& id_or_path) {
  const std::filesystem::path path = named_path("accuracy/tables", "accuracy table", id_or_path);
  const text::Document document = text::load_yaml(path);
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, kTable, 1, 1);
  problems.throw_if_any();
  const Sources sources(file);
  AccuracyTable table;
  table.description = read_description(file, sources);
  table.description.id = path.stem().string();
  table.description.band = "binomial";
  std::set<std::string> seen;
  for (text::Reader& entry : file.sections("rows")) {
    AccuracyRow row;
    row.name = entry.string("name");
    row.method = entry.string("method");
    row.pretrained = entry.count("pretrained", kExperts);
    row.kept = entry.count("kept", kExperts);
    row.values = read_values(entry, table.description.tasks, false);
    row.source = sources.of(entry);
    if (row.kept > row.pretrained) {
      entry.problem("kept", "E_RANGE", "more experts kept than pretrained",
                    fmt::format("1 to {}", row.pretrained));
    }
    if (!seen.insert(fmt::format("{} {} {}", row.method, row.pretrained, row.kept)).second) {
      entry.problem("method", "E_DUPLICATE", "two rows for this method and these sizes");
    }
    entry.finish();
    table.rows.push_back(std::move(row));
  }
  file.finish();
  problems.throw_if_any();
  return table;
}

}  // namespace moeplan::models
