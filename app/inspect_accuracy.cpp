#include "app/inspect_accuracy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/inspect_threshold.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::app {
namespace {

using models::AccuracyCurve;
using models::AccuracyDescription;
using models::AccuracyPoint;
using models::AccuracyTable;
using models::ThresholdRule;
using text::Json;
using Reference = ThresholdRule::Reference;

constexpr const char* kFromScratch = "none";  // the method of models that were not pruned

// A point with its two-sided interval at models::kConfidence.
struct Band {
  std::optional<double> low;
  std::optional<double> high;
};

Band band_of(const AccuracyPoint& point) {
  if (!point.standard_error) {
    return {};
  }
  const double half = models::two_sided_quantile(models::kConfidence) * *point.standard_error;
  return {point.value - half, point.value + half};
}

Json point_json(const AccuracyPoint& point) {
  const Band band = band_of(point);
  return Json::object()
      .set("experts_kept", point.experts_kept)
      .set("accuracy", point.value)
      .set("accuracy_low", band.low)
      .set("accuracy_high", band.high)
      .set("samples", point.samples == 0 ? Json() : Json(point.samples))
      .set("source", point.source);
}

std::string percent_of(const std::optional<double>& fraction) {
  return fraction ? fmt::format("{:.2f}", 100 * *fraction) : "-";
}

ThresholdRule rule_of(const InspectAccuracyOptions& options, Reference fallback) {
  return {.reference = options.reference.value_or(fallback),
          .mean_over_tasks = options.mean_over_tasks,
          .tolerance = options.tolerance,
          .confidence = options.confidence,
          .task = options.task};
}

// What the file is, for curves and tables alike.
Page described(const AccuracyDescription& what, const std::string& kind) {
  Page page;
  page.title = fmt::format("{}: {} ({})", what.id, what.name, kind);
  PageTable facts{"", {{"field", "value"}}};
  const auto add = [&](const char* key, const std::string& value) {
    facts.rows.push_back({key, value.empty() ? "not stated" : value});
    page.json.set(key, value.empty() ? Json() : Json(value));
  };
  page.json.set("schema_version", 1).set("kind", kind).set("id", what.id).set("name", what.name);
  add("model", what.model);
  add("architecture", what.architecture);
  add("metric", what.metric);
  add("router", what.router);
  add("calibration", what.calibration);
  add("band", what.band == "binomial"
                  ? "binomial (unpaired, from the number of samples of each task)"
                  : what.band);
  facts.rows.push_back({"top_k", fmt::format("{}", what.top_k)});
  facts.rows.push_back({"finetuned", what.finetuned ? "yes" : "no"});
  page.json.set("top_k", what.top_k).set("finetuned", what.finetuned);
  page.tables.push_back(std::move(facts));
  PageTable tasks{"Tasks", {{"task", "weight", "n", "source of n"}}};
  Json list = Json::array();
  for (const models::AccuracyTask& task : what.tasks) {
    tasks.rows.push_back({task.name, fmt::format("{:.3g}", task.weight),
                          task.samples == 0 ? "unknown" : fmt::format("{}", task.samples),
                          task.source});
    list.push(Json::object()
                  .set("name", task.name)
                  .set("weight", task.weight)
                  .set("samples", task.samples == 0 ? Json() : Json(task.samples))
                  .set("source", task.source.empty() ? Json() : Json(task.source)));
  }
  page.json.set("tasks", std::move(list));
  page.tables.push_back(std::move(tasks));
  if (!what.note.empty()) {
    page.notes.push_back("note: " + what.note);
  }
  page.json.set("note", what.note.empty() ? Json() : Json(what.note));
  return page;
}

void add_curve_points(const AccuracyCurve& curve, const char* axis, Page& page) {
  PageTable table{fmt::format("Points ({:g} % intervals)", 100 * models::kConfidence),
                  {{axis, "factor", "accuracy, %", "low", "high", "n", "source"}}};
  Json list = Json::array();
  for (const AccuracyPoint& point : curve.points()) {
    const Band band = band_of(point);
    const double factor = static_cast<double>(curve.description().pretrained_experts) /
                          static_cast<double>(point.experts_kept);
    table.rows.push_back({fmt::format("{}", point.experts_kept), fmt::format("{:.3g}", factor),
                          percent_of(point.value), percent_of(band.low), percent_of(band.high),
                          point.samples == 0 ? "unknown" : fmt::format("{}", point.samples),
                          point.source});
    list.push(point_json(point));
  }
  page.json.set("points", std::move(list));
  page.tables.push_back(std::move(table));
}

Page curve_page(const AccuracyCurve& curve, const InspectAccuracyOptions& options) {
  const AccuracyDescription& what = curve.description();
  Page page = described(what, "accuracy_curve");
  page.json.set("method", what.method).set("pretrained_experts", what.pretrained_experts);
  add_curve_points(curve, "experts kept", page);
  const ThresholdRule rule = rule_of(options, Reference::unpruned);
  ThresholdSection thresholds(rule);
  const bool plain = rule.reference == Reference::unpruned && rule.mean_over_tasks;
  if (!plain && !what.table.empty()) {
    // A part of a table: that has the tasks, and the models trained from scratch.
    AccuracyTable table = models::load_accuracy_table(what.table);
    table.description.tasks = what.tasks;
    thresholds.add(what.method, what.pretrained_experts,
                   models::threshold(table, what.method, what.pretrained_experts, rule));
  } else if (plain && curve.unpruned() == nullptr) {
    thresholds.add_failed(what.method, what.pretrained_experts, "the unpruned model has no point");
  } else {
    thresholds.add(what.method, what.pretrained_experts, models::threshold(curve, rule));
  }
  thresholds.write_to(page);
  return page;
}

// A curve over top-k has points and no threshold: nothing is pruned.
Page top_k_page(const models::TopKCurve& curve) {
  Page page = described(curve.description(), "top_k_curve");
  page.json.set("method", curve.description().method).set("experts", curve.experts());
  PageTable table{fmt::format("Points ({:g} % intervals), all {} experts resident",
                              100 * models::kConfidence, curve.experts()),
                  {{"top_k", "accuracy, %", "low", "high", "n"}}};
  page.csv = {{"top_k", "accuracy", "accuracy_low", "accuracy_high", "samples"}};
  Json list = Json::array();
  for (std::int64_t k = curve.smallest(); k <= curve.trained_top_k(); ++k) {
    const auto at = curve.at(k);
    if (!at || !at->measured) {
      continue;
    }
    const Band band = at->has_band ? Band{at->low, at->high} : Band{};
    table.rows.push_back({fmt::format("{}", k), percent_of(at->value), percent_of(band.low),
                          percent_of(band.high), fmt::format("{}", at->samples)});
    page.csv.push_back({fmt::format("{}", k), number_text(at->value),
                        band.low ? number_text(*band.low) : "",
                        band.high ? number_text(*band.high) : "", fmt::format("{}", at->samples)});
    list.push(Json::object()
                  .set("top_k", k)
                  .set("accuracy", at->value)
                  .set("accuracy_low", band.low)
                  .set("accuracy_high", band.high)
                  .set("samples", at->samples == 0 ? Json() : Json(at->samples)));
  }
  page.json.set("points", std::move(list));
  page.tables.push_back(std::move(table));
  page.notes.push_back("A smaller top-k prunes nothing: there is no pruning factor to judge.");
  return page;
}

void add_rows(const AccuracyTable& table, Page& page) {
  Row header = {"row", "method", "pretrained", "kept"};
  for (const models::AccuracyTask& task : table.description.tasks) {
    header.push_back(task.name);
  }
  PageTable shown{"Rows, % with the half-width of the 95 % interval", {header}};
  Json list = Json::array();
  for (const models::AccuracyRow& row : table.rows) {
    Row cells = {row.name, row.method, fmt::format("{}", row.pretrained),
                 fmt::format("{}", row.kept)};
    Json values = Json::object();
    for (const models::AccuracyTask& task : table.description.tasks) {
      const auto found = row.values.find(task.name);
      if (found == row.values.end()) {
        cells.push_back("-");
        continue;
      }
      models::AccuracyTask alone = task;
      alone.weight = 1.0;
      const AccuracyPoint point = models::aggregate({alone}, {found->second}, row.kept, row.source);
      const Band band = band_of(point);
      cells.push_back(band.low ? fmt::format("{:.2f} +- {:.1f}", 100 * point.value,
                                             100 * (*band.high - point.value))
                               : fmt::format("{:.2f}", 100 * point.value));
      values.set(task.name, point_json(point));
    }
    shown.rows.push_back(std::move(cells));
    list.push(Json::object()
                  .set("name", row.name)
                  .set("method", row.method)
                  .set("pretrained_experts", row.pretrained)
                  .set("experts_kept", row.kept)
                  .set("values", std::move(values))
                  .set("source", row.source));
  }
  page.json.set("rows", std::move(list));
  page.tables.push_back(std::move(shown));
}

// Whether some pruned model has a counterpart trained from scratch at its size.
bool has_from_scratch(const AccuracyTable& table) {
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const models::AccuracyRow& row) {
    return row.method != kFromScratch && row.kept < row.pretrained &&
           table.find(kFromScratch, row.kept, row.kept) != nullptr;
  });
}

bool prunes(const AccuracyTable& table, const std::string& method, std::int64_t pretrained) {
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const models::AccuracyRow& row) {
    return row.method == method && row.pretrained == pretrained && row.kept < row.pretrained;
  });
}

Page table_page(const AccuracyTable& table, const InspectAccuracyOptions& options) {
  Page page = described(table.description, "accuracy_table");
  add_rows(table, page);
  const ThresholdRule rule = rule_of(
      options, has_from_scratch(table) ? Reference::from_scratch_same_size : Reference::unpruned);
  ThresholdSection thresholds(rule);
  const std::vector<std::string> methods =
      options.method.empty() ? table.methods() : std::vector<std::string>{options.method};
  const std::vector<std::int64_t> sizes =
      options.pretrained == 0 ? table.pretrained() : std::vector<std::int64_t>{options.pretrained};
  const bool named = !options.method.empty() && options.pretrained != 0;
  for (const std::string& method : methods) {
    bool any = false;
    for (const std::int64_t pretrained : sizes) {
      if (!named && !prunes(table, method, pretrained)) {
        continue;
      }
      any = true;
      try {
        thresholds.add(method, pretrained, models::threshold(table, method, pretrained, rule));
      } catch (const InputError& error) {
        if (named || !rule.task.empty()) {
          throw;
        }
        thresholds.add_failed(method, pretrained, error.problems().front().what);
      }
    }
    if (!any && !options.method.empty()) {
      models::threshold(table, method, sizes.front(), rule);  // says what there is
    }
  }
  thresholds.write_to(page);
  return page;
}

}  // namespace

Page inspect_accuracy(const models::AccuracyData& data, const InspectAccuracyOptions& options) {
  if (const auto* curve = std::get_if<AccuracyCurve>(&data)) {
    return curve_page(*curve, options);
  }
  if (const auto* table = std::get_if<AccuracyTable>(&data)) {
    return table_page(*table, options);
  }
  return top_k_page(std::get<models::TopKCurve>(data));
}

}  // namespace moeplan::app
