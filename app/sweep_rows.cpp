// Rows of a sweep on standard output.

#include <fmt/format.h>

#include <algorithm>

#include "app/sweep_command.hpp"
#include "sim/report/text_table.hpp"

namespace moeplan::app {
namespace {

constexpr std::size_t kRowsShown = 50;

// Of the result columns, those that a person looks at first; the axes come before them.
constexpr const char* kShown[] = {"status",
                                  "experts_kept",
                                  "gpu",
                                  "gpus",
                                  "replicas",
                                  "ttft_p99_s",
                                  "tpot_p99_s",
                                  "accuracy",
                                  "cost_usd_per_million_tokens",
                                  "cost_usd_per_month",
                                  "binding_constraint",
                                  "forward_s",
                                  "forward_p5_s",
                                  "forward_p95_s",
                                  "moe_layer_s",
                                  "extrapolated"};

std::vector<std::size_t> shown_columns(const std::vector<sim::Column>& columns) {
  std::vector<std::size_t> shown;
  bool results = false;  // they begin with the seed, those of static passes with the status
  for (std::size_t i = 0; i < columns.size(); ++i) {
    results = results || columns[i].name == "seed" || columns[i].name == "status";
    const bool wanted =
        std::find(std::begin(kShown), std::end(kShown), columns[i].name) != std::end(kShown);
    if (!results || wanted || columns[i].name.find('.') != std::string::npos) {
      shown.push_back(i);
    }
  }
  return shown;
}

std::string table(const sim::ResultStore& store, bool markdown) {
  const std::vector<sim::Column>& columns = store.info()->columns;
  const std::vector<std::size_t> shown = shown_columns(columns);
  std::vector<std::string> header = {"task"};
  for (const std::size_t i : shown) {
    header.push_back(columns[i].name);
  }
  sim::TextTable rows(std::move(header));
  std::size_t count = 0;
  store.for_each([&](const sim::Row& row) {
    if (++count > kRowsShown) {
      return;
    }
    std::vector<std::string> cells = {fmt::format("{}", row.task)};
    for (const std::size_t i : shown) {
      cells.push_back(sim::cell_text(row.cells[i]));
    }
    rows.add(std::move(cells));
  });
  std::string out = markdown ? rows.markdown() : rows.aligned();
  if (count > kRowsShown) {
    out += fmt::format("... and {} more points: --format csv, or moeplan export\n",
                       count - kRowsShown);
  }
  return out + completeness(store) + "\n";
}

std::string json(const sim::ResultStore& store) {
  text::Json rows = text::Json::array();
  store.for_each([&](const sim::Row& row) {
    text::Json json = text::Json::object().set("task", row.task).set("id", row.id);
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      json.set(store.info()->columns[i].name, sim::cell_json(row.cells[i]));
    }
    rows.push(std::move(json));
  });
  return text::Json::object()
      .set("schema_version", 1)
      .set("sweep", to_json(*store.info()))
      .set("points", store.info()->tasks)
      .set("finished", store.count())
      .set("rows", rows)
      .pretty();
}

}  // namespace

std::string rendered_rows(const sim::ResultStore& store, const std::string& format) {
  if (format == "csv") {
    return export_csv(store);
  }
  if (format == "jsonl") {
    return export_jsonl(store);
  }
  return format == "json" ? json(store) : table(store, format == "markdown");
}

}  // namespace moeplan::app
