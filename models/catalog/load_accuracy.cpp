// Accuracy curves and tables: data/accuracy; curves over a smaller top-k: data/accuracy/top_k.

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "models/catalog/catalog.hpp"
#include "models/catalog/files.hpp"
#include "models/catalog/sourced.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"

namespace moeplan::models {
namespace {

constexpr text::Range kExperts{.low = 1.0, .high = 1e6};
constexpr const char* kCurve = "moeplan.accuracy_curve";
constexpr const char* kTable = "moeplan.accuracy_table";
constexpr const char* kTopK = "moeplan.top_k_curve";
const std::vector<std::string> kRouters = {"reinitialised", "sliced", "merged_logits"};

// What the points of a curve are numbered by, and the numbers allowed.
struct Axis {
  const char* key = "experts_kept";
  std::int64_t low = 1;
  std::int64_t high = 1;
  std::string expected;
};

bool catalog_has(const std::string& folder, const std::string& id) {
  const std::vector<std::string> ids = catalog_ids(folder);
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

bool all_counted(const std::vector<AccuracyTask>& tasks) {
  return std::all_of(tasks.begin(), tasks.end(),
                     [](const AccuracyTask& task) { return task.samples > 0; });
}

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

std::map<std::string, double> read_values(text::Reader& entry, const char* key,
                                          const std::vector<AccuracyTask>& tasks, bool all) {
  std::map<std::string, double> values;
  text::Reader section = entry.section(key);
  for (const AccuracyTask& task : tasks) {
    if (all || section.has(task.name)) {
      values[task.name] = section.number(task.name, text::kFraction);
    }
  }
  section.finish();
  return values;
}

// architecture: a catalog id, or a path relative to the file. Its hidden size and layers are
// recorded, so that whoever uses the curve can tell whether it is of the same model.
void read_architecture_of(text::Reader& file, const std::filesystem::path& path,
                          AccuracyDescription& out) {
  out.architecture = file.string("architecture", "");
  if (out.architecture.empty()) {
    return;
  }
  const std::string name = is_path(out.architecture)
                               ? (path.parent_path() / out.architecture).string()
                               : out.architecture;
  try {
    const SmoeArchitecture architecture = load_architecture(name);
    out.hidden = architecture.hidden;
    out.layers = static_cast<std::int64_t>(architecture.layers.size());
  } catch (const InputError& error) {
    const Problem& first = error.problems().front();
    file.problem("architecture", first.code, first.what, first.expected, first.fix);
  }
}

// What curves and tables say alike.
AccuracyDescription read_description(text::Reader& file, const Sources& sources,
                                     const std::filesystem::path& path) {
  AccuracyDescription out;
  out.id = path.stem().string();
  out.name = file.string("name");
  out.model = file.string("model");
  read_architecture_of(file, path, out);
  out.metric = file.string("metric");
  out.top_k = file.count("top_k", kExperts);
  out.finetuned = file.boolean("finetuned", false);
  out.calibration = file.string("calibration", "");
  out.note = file.string("note", "");
  out.tasks = read_tasks(file, sources);
  return out;
}

// band: binomial (all samples known), measured (standard_errors at every point), none, or stated
// with its standard_error and why.
std::optional<double> read_band(text::Reader& file, AccuracyDescription& description) {
  description.band = file.choice("band", {"binomial", "measured", "stated", "none"});
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

std::vector<AccuracyPoint> read_points(text::Reader& file, const Sources& sources,
                                       const AccuracyDescription& description,
                                       const std::optional<double>& stated, const Axis& axis) {
  std::vector<AccuracyPoint> points;
  std::set<std::int64_t> seen;
  for (text::Reader& entry : file.sections("points")) {
    const std::int64_t at = entry.count(axis.key, kExperts);
    if (at > axis.high || at < axis.low) {
      entry.problem(axis.key, "E_RANGE", "not a size of this model", axis.expected);
    }
    if (!seen.insert(at).second) {
      entry.problem(axis.key, "E_DUPLICATE", "two points for this number of experts");
    }
    const std::map<std::string, double> by_task =
        read_values(entry, "values", description.tasks, true);
    std::vector<double> values;
    for (const AccuracyTask& task : description.tasks) {
      const auto found = by_task.find(task.name);
      values.push_back(found == by_task.end() ? 0.0 : found->second);
    }
    const bool measured = description.band == "measured";
    const std::map<std::string, double> errors =
        measured ? read_values(entry, "standard_errors", description.tasks, true)
                 : std::map<std::string, double>{};
    const std::string source = sources.of(entry);
    entry.finish();
    if (!file.problems().empty()) {
      continue;  // every problem of the file is reported at once, by the caller
    }
    AccuracyPoint point = aggregate(description.tasks, values, at, source);
    if (measured) {
      point.standard_error = aggregate_error(description.tasks, errors);
    } else if (description.band != "binomial") {
      point.standard_error = stated;
    }
    points.push_back(std::move(point));
  }
  if (seen.empty() && file.has("points")) {
    file.problem("points", "E_RANGE", "a curve without points", "at least one point");
  }
  return points;
}

AccuracyCurve read_own_curve(text::Reader& file, const std::filesystem::path& path) {
  const Sources sources(file);
  AccuracyDescription description = read_description(file, sources, path);
  description.router = file.choice("router", kRouters);
  description.method = file.string("method");
  description.pretrained_experts = file.count("pretrained_experts", kExperts);
  const std::optional<double> stated = read_band(file, description);
  const Axis axis{.key = "experts_kept",
                  .low = description.top_k,
                  .high = description.pretrained_experts,
                  .expected = fmt::format("top_k {} to pretrained_experts {}", description.top_k,
                                          description.pretrained_experts)};
  std::vector<AccuracyPoint> points = read_points(file, sources, description, stated, axis);
  file.finish();
  file.problems().throw_if_any();
  return AccuracyCurve(std::move(description), std::move(points));
}

// Only the named tasks of the table, with equal weights: for methods that were not evaluated on
// all.
void keep_tasks(text::Reader& file, AccuracyTable& table) {
  if (!file.has("tasks")) {
    return;
  }
  std::vector<AccuracyTask> kept;
  std::vector<std::string> names;
  for (const AccuracyTask& task : table.description.tasks) {
    names.push_back(task.name);
  }
  for (text::Reader& entry : file.sections("tasks")) {
    const std::string name = entry.string("name");
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      entry.problem("name", "E_VALUE", fmt::format("the table has no task '{}'", name),
                    joined(names), did_you_mean(name, names));
    } else {
      kept.push_back(table.description.tasks[static_cast<std::size_t>(found - names.begin())]);
    }
    entry.finish();
  }
  for (AccuracyTask& task : kept) {
    task.weight = 1.0 / static_cast<double>(kept.size());
  }
  if (kept.empty() && file.problems().empty()) {
    file.problem("tasks", "E_RANGE", "no tasks", "at least one task of the table");
  }
  table.description.tasks = std::move(kept);
}

// A curve that is a part of a table: {table, method, pretrained_experts}; router, note and tasks
// replace the table's where the method's differ.
AccuracyCurve read_table_curve(text::Reader& file, const std::string& id) {
  const std::string table_id = file.string("table");
  const std::string method = file.string("method");
  const std::int64_t pretrained = file.count("pretrained_experts", kExperts);
  const std::string name = file.string("name");
  const bool other_router = file.has("router");
  const std::string router = other_router ? file.choice("router", kRouters) : "";
  const std::string note = file.string("note", "");
  file.problems().throw_if_any();
  AccuracyTable table = load_accuracy_table(table_id);
  keep_tasks(file, table);
  file.finish();
  file.problems().throw_if_any();
  const AccuracyCurve curve = table.curve(method, pretrained);
  AccuracyDescription description = curve.description();
  description.id = id;
  description.table = table_id;
  description.name = name;
  description.router = other_router ? router : description.router;
  description.note = note.empty() ? description.note : note;
  description.band = all_counted(description.tasks) ? "binomial" : "none";
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
  return file.has("table") ? read_table_curve(file, path.stem().string())
                           : read_own_curve(file, path);
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
  table.description = read_description(file, sources, path);
  table.description.router = file.choice("router", kRouters);
  table.description.band = all_counted(table.description.tasks) ? "binomial" : "none";
  std::set<std::string> seen;
  for (text::Reader& entry : file.sections("rows")) {
    AccuracyRow row;
    row.name = entry.string("name");
    row.method = entry.string("method");
    row.pretrained = entry.count("pretrained", kExperts);
    row.kept = entry.count("kept", kExperts);
    row.values = read_values(entry, "values", table.description.tasks, false);
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

TopKCurve load_top_k_curve(const std::string& id_or_path) {
  const std::filesystem::path path = named_path("accuracy/top_k", "top-k curve", id_or_path);
  const text::Document document = text::load_yaml(path);
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, kTopK, 1, 1);
  problems.throw_if_any();
  const Sources sources(file);
  AccuracyDescription description = read_description(file, sources, path);
  description.method = file.string("method");
  description.router = "unchanged";
  const std::int64_t experts = file.count("experts", kExperts);
  description.pretrained_experts = description.top_k;  // the reference of the inner curve
  const std::optional<double> stated = read_band(file, description);
  const Axis axis{.key = "top_k",
                  .low = 1,
                  .high = description.top_k,
                  .expected = fmt::format("1 to the trained top_k {}", description.top_k)};
  std::vector<AccuracyPoint> points = read_points(file, sources, description, stated, axis);
  file.finish();
  problems.throw_if_any();
  return TopKCurve(experts, AccuracyCurve(std::move(description), std::move(points)));
}

AccuracyData load_accuracy_data(const std::string& id_or_path) {
  const std::string& name = id_or_path;
  if (name.starts_with("tables/") && catalog_has("accuracy/tables", name.substr(7))) {
    return load_accuracy_table(name.substr(7));
  }
  if (name.starts_with("top_k/") && catalog_has("accuracy/top_k", name.substr(6))) {
    return load_top_k_curve(name.substr(6));
  }
  if (is_path(name)) {
    const text::Document document = text::load_yaml(name);
    const text::Node* stated = document.root.find("schema");
    const std::string schema = stated == nullptr ? "" : stated->scalar;
    if (schema == kTable) {
      return load_accuracy_table(name);
    }
    if (schema == kTopK) {
      return load_top_k_curve(name);
    }
    return load_accuracy(name);  // refuses every other schema
  }
  if (!catalog_has("accuracy", name)) {
    if (catalog_has("accuracy/tables", name)) {
      return load_accuracy_table(name);
    }
    if (catalog_has("accuracy/top_k", name)) {
      return load_top_k_curve(name);
    }
    const std::vector<std::string> curves = catalog_ids("accuracy");
    const std::vector<std::string> tables = catalog_ids("accuracy/tables");
    const std::vector<std::string> top_k = catalog_ids("accuracy/top_k");
    std::vector<std::string> all = curves;
    all.insert(all.end(), tables.begin(), tables.end());
    all.insert(all.end(), top_k.begin(), top_k.end());
    throw InputError({.code = "E_VALUE",
                      .what = "unknown accuracy curve or table",
                      .got = name,
                      .expected = fmt::format("a curve ({}), a table ({}), a curve over top-k ({}) "
                                              "or the path of one",
                                              joined(curves), joined(tables), joined(top_k)),
                      .fix = did_you_mean(name, all)});
  }
  return load_accuracy(name);
}

}  // namespace moeplan::models
