#include "sim/sweep/task_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <sstream>

#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "models/units/require.hpp"
#include "sim/evaluate.hpp"
#include "sim/plan/candidates.hpp"
#include "sim/plan/plan.hpp"
#include "sim/scenario/checker.hpp"
#include "sim/sweep/evaluate_task.hpp"
#include "sim/sweep/static_row.hpp"

namespace moeplan::sim {
namespace {

constexpr std::size_t kIdDigits = 32;    // 128 bits of the hash
constexpr std::size_t kSeedDigits = 13;  // 52 bits: a seed is below 2^53
constexpr double kRunsOfASearch = 14.0;  // of one design: about as many loads are tried

// Keys that may name a file, and keys that always do.
constexpr const char* kNames[] = {"model.architecture", "accuracy.curve",    "hardware.gpu",
                                  "hardware.profile",   "hardware.topology", "prices.book"};
constexpr const char* kFiles[] = {"pruning.plan", "workload.trace.file", "workload.lengths.file",
                                  "workload.routing.file", "hardware.topology"};

// Keys that the number of requests to simulate depends on.
constexpr const char* kWorkKeys[] = {"workload.requests",
                                     "parallelism.replica_router",
                                     "pruning.experts_kept",
                                     "hardware.gpu",
                                     "hardware.gpus",
                                     "parallelism.tensor_parallel",
                                     "parallelism.expert_parallel",
                                     "parallelism.pipeline_parallel",
                                     "parallelism.exchange",
                                     "parallelism.placement",
                                     "parallelism.redundant_experts"};

bool names_file(const Axis& axis) {
  const auto is = [&](const char* key) { return axis.path == key; };
  return std::any_of(std::begin(kNames), std::end(kNames), is) ||
         std::any_of(std::begin(kFiles), std::end(kFiles), is);
}

// Of files of any size: the hash of their pieces' hashes. "" for one that is not there, which the
// scenario's own reader then says.
std::string file_digest(const std::filesystem::path& path) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
  std::string all;
  std::string piece(kPiece, '\0');
  while (file.read(piece.data(), kPiece), file.gcount() > 0) {
    all += text::sha256(piece.substr(0, static_cast<std::size_t>(file.gcount())));
  }
  return all.empty() ? "" : text::sha256(all);
}

// Of every file of the catalog.
std::string catalog_digest() {
  const std::filesystem::path root = models::data_dir();
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) {
      files[entry.path().lexically_relative(root).generic_string()] = file_digest(entry.path());
    }
  }
  std::string all;
  for (const auto& [name, digest] : files) {
    all += name + " " + digest + "\n";
  }
  return text::sha256(all);
}

InputError wrong(const std::string& file, Mark mark, const std::string& path, std::string code,
                 std::string what, std::string got, std::string expected, std::string fix = "") {
  return InputError({.code = std::move(code),
                     .file = file,
                     .mark = mark,
                     .pointer = path.empty() ? "" : pointer_of(path),
                     .what = std::move(what),
                     .got = std::move(got),
                     .expected = std::move(expected),
                     .fix = std::move(fix)});
}

}  // namespace

TaskList::TaskList(const std::filesystem::path& scenario, SweepOptions options)
    : path_(scenario), options_(std::move(options)), inputs_(std::make_unique<InputCache>()) {
  const std::string content = text::read_file(path_);
  const text::Document document = text::parse_yaml(content, path_.string());
  text::Problems problems(document);
  SweptDocument swept = read_swept(document, problems);
  problems.throw_if_any();
  sha256_ = text::sha256(content);
  fixed_ = std::move(swept.fixed);
  axes_ = std::move(swept.axes);
  make_static();
  ids_.resize(static_cast<std::size_t>(count_tasks()));
  make_ids();
  predict_work();
  describe_columns();
}

std::int64_t TaskList::count_tasks() const {
  std::int64_t count = 1;
  for (const Axis& axis : axes_) {
    if (axis.path == "seed" && options_.seed) {
      throw wrong(path_.string(), axis.mark, "seed", "E_VALUE",
                  "a swept seed and --seed, which is the seed of every point", "", "one of them");
    }
    const auto values = static_cast<std::int64_t>(axis.values.size());
    if (values > options_.most_tasks / count) {
      throw wrong(path_.string(), axis.mark, axis.path, "E_LIMIT",
                  "with this key the sweep has too many points",
                  fmt::format("{} x {}", count, values),
                  fmt::format("at most {} points", options_.most_tasks));
    }
    count *= values;
  }
  return count;
}

// As if each point's ScenarioValues::canonical() were made; but only lines of axes change.
void TaskList::make_ids() {
  const std::string common = fmt::format(
      "moeplan {}\ncatalog {}\nevaluate {} {}\nrequests {}\nseed {}\n", options_.version,
      catalog_digest(), options_.evaluation == Evaluation::plan ? "plan" : "simulate",
      options_.replicas, options_.requests ? fmt::format("{}", *options_.requests) : "as stated",
      options_.seed ? fmt::format("{}", *options_.seed) : "from the id");
  struct Line {
    std::string path;
    std::string fixed;
    std::size_t axis = 0;             // that it belongs to, where it varies
    std::vector<std::string> varied;  // [values of the axis]
  };
  std::vector<Line> lines;
  std::istringstream canonical(fixed_.canonical());
  for (std::string line; std::getline(canonical, line);) {
    lines.push_back({.path = line.substr(0, line.find(':')), .fixed = line + "\n"});
  }
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    const auto line = std::find_if(lines.begin(), lines.end(),
                                   [&](const Line& l) { return l.path == axes_[a].path; });
    require(line != lines.end(), "a varied key has a first value");
    line->axis = a;
    for (const Value& value : axes_[a].values) {
      line->varied.push_back(line->path + ": " + canonical_text(*find_field(line->path), value) +
                             "\n");
    }
  }
  const bool other_files =
      std::any_of(axes_.begin(), axes_.end(), [](const Axis& axis) { return names_file(axis); });
  const std::string files = files_of(fixed_);
  for (std::size_t task = 0; task < ids_.size(); ++task) {
    const auto number = static_cast<std::int64_t>(task);
    const std::vector<std::size_t> chosen = choice(number);
    std::string text = common;
    for (const Line& line : lines) {
      text += line.varied.empty() ? line.fixed : line.varied[chosen[line.axis]];
    }
    text += other_files ? files_of(values_at(number)) : files;
    ids_[task] = text::sha256(text).substr(0, kIdDigits);
  }
}

// A product of one factor a key, so of one factor an axis.
void TaskList::predict_work() {
  const bool plans = options_.evaluation == Evaluation::plan;
  std::vector<std::vector<double>> factors(axes_.size());
  double fixed = plans ? kRunsOfASearch : 1.0;
  for (const char* key : kWorkKeys) {
    const auto factor = [&](const std::vector<std::string>& texts,
                            const std::vector<double>& numbers) {
      if (std::string(key) == "workload.requests") {
        return options_.requests ? static_cast<double>(*options_.requests) : numbers.front();
      }
      if (std::string(key) == "parallelism.replica_router") {
        return !plans && texts.front() != "split" ? static_cast<double>(options_.replicas) : 1.0;
      }
      return plans ? static_cast<double>(std::max<std::size_t>(1, texts.size())) : 1.0;
    };
    bool varied = false;
    for (std::size_t a = 0; a < axes_.size(); ++a) {
      if (axes_[a].path == key) {
        varied = true;
        for (const Value& value : axes_[a].values) {
          factors[a].push_back(factor(value.texts, value.numbers));
        }
      }
    }
    fixed *= varied ? 1.0 : factor(fixed_.texts(key), fixed_.numbers(key));
  }
  work_.assign(ids_.size(), fixed);
  for (std::size_t task = 0; task < work_.size(); ++task) {
    const std::vector<std::size_t> chosen = choice(static_cast<std::int64_t>(task));
    for (std::size_t a = 0; a < axes_.size(); ++a) {
      work_[task] *= factors[a].empty() ? 1.0 : factors[a][chosen[a]];
    }
  }
}

std::vector<std::size_t> TaskList::choice(std::int64_t task) const {
  std::vector<std::size_t> chosen(axes_.size());
  auto rest = static_cast<std::size_t>(task);
  for (std::size_t a = axes_.size(); a-- > 0;) {
    chosen[a] = rest % axes_[a].values.size();
    rest /= axes_[a].values.size();
  }
  return chosen;
}

ScenarioValues TaskList::values_at(std::int64_t task) const {
  ScenarioValues values = fixed_;
  const std::vector<std::size_t> chosen = choice(task);
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    values.set(axes_[a].path, axes_[a].values[chosen[a]]);
  }
  return values;
}

ScenarioValues TaskList::values(std::int64_t task) const {
  require(task >= 0 && task < size(), "a sweep has no such task");
  return values_at(task);
}

std::string TaskList::files_of(const ScenarioValues& values) const {
  std::string out;
  const auto add = [&](const char* key, const std::string& name, const std::filesystem::path& at) {
    out += fmt::format(
        "file {} {}: {}\n", key, name,
        *inputs_->get<std::string>("digest of " + at.string(), [&] { return file_digest(at); }));
  };
  for (const char* key : kNames) {
    for (const std::string& name : values.texts(key)) {
      if (is_path(name) || std::string(key) == "hardware.topology") {
        add(key, name, resolved(name, path_));
      }
    }
  }
  for (const char* key : kFiles) {
    if (values.has(key)) {
      add(key, values.text(key), path_.parent_path() / values.text(key));
    }
  }
  return out;
}

std::uint64_t TaskList::seed(std::int64_t task) const {
  if (options_.seed) {
    return *options_.seed;
  }
  const std::string digits = text::sha256("seed of " + id(task)).substr(0, kSeedDigits);
  std::uint64_t seed = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), seed, 16);
  return seed;
}

std::string TaskList::describe(std::int64_t task) const {
  const std::vector<std::size_t> chosen = choice(task);
  std::string out;
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", axes_[a].path,
                       joined(axes_[a].values[chosen[a]].texts));
  }
  return out;
}

Scenario TaskList::scenario(std::int64_t task, std::optional<std::int64_t> requests) const {
  Scenario scenario = make_scenario(
      values(task), path_, sha256_,
      {.seed = seed(task), .requests = requests ? requests : options_.requests}, *inputs_);
  if (options_.evaluation == Evaluation::plan) {
    refuse_unplanned(scenario);
  } else {
    check_one_design(scenario);
  }
  return scenario;
}

void TaskList::check_one_design(const Scenario& scenario) const {
  if (scenario.replica_router && !scenario.workload.trace &&
      options_.replicas > kMostRequests / scenario.workload.requests) {
    throw wrong(path_.string(), scenario.values.mark("workload.requests"), "workload.requests",
                "E_LIMIT", "engines behind a router are simulated together",
                fmt::format("{} engines with {} requests each", options_.replicas,
                            scenario.workload.requests),
                fmt::format("at most {} requests", kMostRequests));
  }
  const std::size_t designs = candidates(scenario).size();
  if (designs == 1) {
    return;
  }
  for (const char* key : {"pruning.experts_kept", "hardware.gpu", "hardware.node", "hardware.gpus",
                          "parallelism.pipeline_parallel", "parallelism.tensor_parallel",
                          "parallelism.expert_parallel", "parallelism.exchange",
                          "parallelism.placement", "parallelism.redundant_experts"}) {
    const std::vector<std::string> texts = scenario.values.texts(key);
    const bool open = std::string(key) == "parallelism.tensor_parallel" && texts.empty() &&
                      scenario.gpus.size() == 1 && scenario.gpus.front() > 1;
    if (texts.size() > 1 || open) {
      throw wrong(
          path_.string(), scenario.values.mark(key), key, "E_VALUE",
          fmt::format("every point of a simulated sweep is one design, and this is {}", designs),
          open ? "every power of two" : joined(texts), "one value",
          "{each: [...]} makes a point of each; --evaluate plan searches over them");
    }
  }
  throw wrong(
      path_.string(), {1, 1}, "", "E_VALUE",
      fmt::format("every point of a simulated sweep is one design, and this is {}", designs), "",
      "one design");
}

void TaskList::describe_columns() {
  std::string all;
  for (const std::string& id : ids_) {
    all += id + "\n";
  }
  info_ = {.version = options_.version,
           .scenario = path_.filename().string(),
           .digest = text::sha256(all),
           .tasks = size(),
           .columns = {}};
  for (const Axis& axis : axes_) {
    const Field& field = *find_field(axis.path);
    const bool single = std::all_of(axis.values.begin(), axis.values.end(), [](const Value& v) {
      return v.texts.size() == 1 && v.numbers.size() == 1;
    });
    CellType type = CellType::text;
    if (single && field.type == FieldType::boolean) {
      type = CellType::boolean;
    } else if (single && field.type == FieldType::count) {
      type = CellType::integer;
    } else if (single) {
      type = CellType::real;
    }
    info_.columns.push_back({column_name(field), type});
  }
  for (Column& column : static_ ? static_columns() : result_columns()) {
    info_.columns.push_back(std::move(column));
  }
}

std::vector<Cell> TaskList::axis_cells(std::int64_t task) const {
  const std::vector<Column>& columns = info_.columns;
  const std::vector<std::size_t> chosen = choice(task);
  std::vector<Cell> cells;
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    const Value& value = axes_[a].values[chosen[a]];
    switch (columns[a].type) {
      case CellType::boolean:
        cells.emplace_back(value.numbers.front() != 0.0);
        break;
      case CellType::integer:
        cells.emplace_back(static_cast<std::int64_t>(value.numbers.front()));
        break;
      case CellType::real:
        cells.emplace_back(column_number(*find_field(axes_[a].path), value.numbers.front()));
        break;
      case CellType::text:
        cells.emplace_back(fmt::format("{}", fmt::join(value.texts, ";")));
        break;
    }
  }
  return cells;
}

}  // namespace moeplan::sim
