#include "models/accuracy/harness_results.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::models {
namespace {

namespace fs = std::filesystem;
using text::Kind;
using text::Node;

constexpr std::string_view kError = "_stderr";
constexpr int kDeepestGroup = 8;

bool is_results_file(const fs::path& path) {
  return path.extension() == ".json" && path.filename().string().starts_with("results_");
}

void collect(const fs::path& directory, int depth, std::vector<fs::path>& found) {
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    if (entry.is_directory() && depth > 0) {
      collect(entry.path(), depth - 1, found);
    } else if (is_results_file(entry.path())) {
      found.push_back(entry.path());
    }
  }
}

fs::path results_file(const fs::path& path) {
  std::error_code none;
  if (!fs::is_directory(path, none)) {
    return path;
  }
  std::vector<fs::path> found;
  collect(path, 1, found);
  std::sort(found.begin(), found.end());
  if (found.size() == 1) {
    return found.front();
  }
  std::vector<std::string> names;
  for (const fs::path& file : found) {
    names.push_back(fs::relative(file, path).string());
  }
  throw InputError(Problem{.code = "E_VALUE",
                           .file = path.string(),
                           .what = "a run is one results_<date>.json",
                           .got = found.empty() ? "none in this directory" : joined(names),
                           .expected = "exactly one",
                           .fix = found.empty() ? "" : "name the file itself"});
}

// A text, number or boolean as written; "" for null, absence and containers.
std::string scalar(const Node* node) {
  const bool plain = node != nullptr && (node->kind == Kind::string || node->kind == Kind::number ||
                                         node->kind == Kind::boolean);
  return plain ? node->scalar : "";
}

const Node* at(const Node& root, const std::string& key, const std::string& task) {
  const Node* map = root.find(key);
  return map == nullptr || map->kind != Kind::map ? nullptr : map->find(task);
}

class ResultsFile {
 public:
  explicit ResultsFile(const text::Document& document)
      : problems_(document), root_(document.root) {}

  HarnessResults read() {
    HarnessResults out;
    out.model = scalar(root_.find("model_name"));
    out.harness = scalar(root_.find("lm_eval_version"));
    out.date = scalar(root_.find("date"));
    const Node* config = root_.find("config");
    if (config != nullptr && config->kind == Kind::map) {
      out.limit = scalar(config->find("limit"));
    }
    const Node* results = root_.find("results");
    if (results == nullptr || results->kind != Kind::map || results->entries.empty()) {
      problems_.add({.code = "E_MISSING",
                     .file = {},
                     .mark = root_.mark,
                     .pointer = "/results",
                     .what = "no results of lm-evaluation-harness",
                     .got = {},
                     .expected = "a map from tasks to their metrics"});
    } else {
      for (const Node::Entry& entry : results->entries) {
        out.tasks[entry.key] = read_task(entry);
      }
    }
    problems_.throw_if_any();
    return out;
  }

 private:
  HarnessTask read_task(const Node::Entry& entry) {
    HarnessTask task;
    task.version = scalar(at(root_, "versions", entry.key));
    task.shots = scalar(at(root_, "n-shot", entry.key));
    task.hash = scalar(at(root_, "task_hashes", entry.key));
    task.samples = samples_of(entry.key, 0);
    if (const Node* subtasks = at(root_, "group_subtasks", entry.key)) {
      for (const Node& name : subtasks->items) {
        task.subtasks.push_back(name.scalar);
      }
    }
    bool unfiltered = false;
    for (const Node::Entry& field : entry.value.entries) {
      const std::size_t comma = field.key.find(',');
      if (comma == std::string::npos) {
        unfiltered = unfiltered || (field.key == "acc" || field.key.ends_with(kError));
        continue;
      }
      const std::string name = field.key.substr(0, comma);
      if (!name.ends_with(kError) && field.value.kind == Kind::number) {
        task.metrics[field.key] = metric(entry, field, name, field.key.substr(comma));
      }
    }
    task.old_format = task.metrics.empty() && unfiltered;
    return task;
  }

  HarnessMetric metric(const Node::Entry& task, const Node::Entry& field, const std::string& name,
                       const std::string& filter) {
    const std::string pointer = fmt::format("/results/{}/", task.key);
    HarnessMetric out;
    out.value = text::as_number(problems_, field.value, pointer + field.key).value_or(0.0);
    const std::string error_key = name + std::string(kError) + filter;
    const Node* error = task.value.find(error_key);
    if (error != nullptr && error->kind == Kind::number) {
      out.standard_error =
          text::as_number(problems_, *error, pointer + error_key, text::kNonNegative);
    }
    const Node* better = at(root_, "higher_is_better", task.key);
    out.higher_is_better = better == nullptr || scalar(better->find(name)) != "false";
    return out;
  }

  // Of a group: the sum over its tasks, 0 when one is unknown.
  std::int64_t samples_of(const std::string& task, int depth) {
    if (const Node* counted = at(root_, "n-samples", task)) {
      const Node* effective = counted->find("effective");
      return effective == nullptr ? 0
                                  : text::as_count(problems_, *effective,
                                                   fmt::format("/n-samples/{}/effective", task))
                                        .value_or(0);
    }
    const Node* subtasks = at(root_, "group_subtasks", task);
    if (subtasks == nullptr || depth == kDeepestGroup) {
      return 0;
    }
    std::int64_t sum = 0;
    for (const Node& name : subtasks->items) {
      const std::int64_t part = samples_of(name.scalar, depth + 1);
      if (part == 0) {
        return 0;
      }
      sum += part;
    }
    return sum;
  }

  text::Problems problems_;
  const Node& root_;
};

}  // namespace

HarnessResults read_harness_results(const fs::path& path) {
  const fs::path file = results_file(path);
  const std::string content = text::read_file(file);
  const text::Document document = text::parse_json(content, file.string());
  HarnessResults out = ResultsFile(document).read();
  out.file = file.string();
  out.sha256 = text::sha256(content);
  return out;
}

}  // namespace moeplan::models
