#include "app/lab_page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/inspect_threshold.hpp"

namespace moeplan::app {
namespace {

using models::LabFindings;
using models::MeanInterval;
using text::Json;

std::string percent(const MeanInterval& value) {
  return value.low
             ? fmt::format("{:.1f} +- {:.1f}", 100 * value.mean, 100 * (*value.high - value.mean))
             : fmt::format("{:.1f}", 100 * value.mean);
}

std::string points(const std::optional<MeanInterval>& difference) {
  if (!difference) {
    return "refused";
  }
  return difference->low ? fmt::format("{:+.1f} +- {:.1f}", 100 * difference->mean,
                                       100 * (*difference->high - difference->mean))
                         : fmt::format("{:+.1f}", 100 * difference->mean);
}

Json interval_json(const MeanInterval& value) {
  return Json::object()
      .set("mean", value.mean)
      .set("standard_error", value.standard_error)
      .set("low", value.low)
      .set("high", value.high)
      .set("seeds", value.count);
}

Json interval_json(const std::optional<MeanInterval>& value) {
  return value ? interval_json(*value) : Json();
}

void add_sizes(const LabFindings& found, Page& page) {
  PageTable table{"Networks that were not pruned, accuracy in % (interval over seeds)",
                  {{"experts", "pretraining", "dropped, %", "tasks, fine-tuned", "against dense"}}};
  Json list = Json::array();
  for (const models::SizeFinding& size : found.sizes) {
    table.rows.push_back({fmt::format("{}", size.experts), percent(size.pretraining),
                          fmt::format("{:.1f}", 100 * size.dropped), percent(size.accuracy),
                          points(size.against_dense)});
    list.push(Json::object()
                  .set("experts", size.experts)
                  .set("pretraining_accuracy", interval_json(size.pretraining))
                  .set("dropped_fraction", size.dropped)
                  .set("accuracy", interval_json(size.accuracy))
                  .set("against_dense", interval_json(size.against_dense)));
  }
  table.rows.push_back(
      {"Bayes limit", percent(found.bayes_pretraining), "", percent(found.bayes), ""});
  page.json.set("bayes_limit", interval_json(found.bayes))
      .set("bayes_limit_pretraining", interval_json(found.bayes_pretraining))
      .set("sizes", std::move(list));
  page.tables.push_back(std::move(table));
}

// One table per router: pairs of counts by methods.
void add_pruned(const models::LabResult& result, const LabFindings& found, Page& page) {
  Json list = Json::array();
  for (const models::PrunedFinding& p : found.pruned) {
    list.push(Json::object()
                  .set("method", p.method)
                  .set("router", p.router)
                  .set("pretrained_experts", p.pretrained)
                  .set("experts_kept", p.kept)
                  .set("refused_runs", p.refused)
                  .set("accuracy_before_tuning", interval_json(p.before))
                  .set("accuracy", interval_json(p.accuracy))
                  .set("against_scratch", interval_json(p.against_scratch))
                  .set("against_unpruned", interval_json(p.against_unpruned))
                  .set("against_greedy", interval_json(p.against_greedy)));
  }
  page.json.set("pruned", std::move(list));
  for (const models::RouterMode mode : result.options.routers) {
    Row header = {"experts", "factor"};
    for (const models::PruningMethod method : result.options.methods) {
      header.emplace_back(name_of(method));
    }
    PageTable table{
        fmt::format("Router {}: pruned minus the same size from scratch, points", name_of(mode)),
        {header}};
    for (const std::int64_t from : result.options.pruned) {
      for (const std::int64_t kept : result.options.counts_below(from)) {
        Row row = {fmt::format("{} -> {}", from, kept),
                   fmt::format("{:g}", static_cast<double>(from) / static_cast<double>(kept))};
        for (const models::PruningMethod method : result.options.methods) {
          const auto cell = std::find_if(
              found.pruned.begin(), found.pruned.end(), [&](const models::PrunedFinding& p) {
                return p.method == name_of(method) && p.router == name_of(mode) &&
                       p.pretrained == from && p.kept == kept;
              });
          row.push_back(cell == found.pruned.end() ? "-" : points(cell->against_scratch));
        }
        table.rows.push_back(std::move(row));
      }
    }
    page.tables.push_back(std::move(table));
  }
}

void add_thresholds(const LabFindings& found, Page& page) {
  PageTable table{
      fmt::format("Threshold pruning factor, with its interval at {:g} %", 100 * found.confidence),
      {{"method", "router", "pretrained", "beats from scratch", "interval",
        fmt::format("within {:g} points of unpruned", 100 * found.tolerance), "interval"}}};
  const auto factor = [](const std::optional<double>& value) {
    return value ? factor_text(*value) : std::string();
  };
  page.csv = {{"method", "router", "pretrained_experts", "from_scratch_factor",
               "from_scratch_factor_low", "from_scratch_factor_high", "unpruned_factor",
               "unpruned_factor_low", "unpruned_factor_high"}};
  Json list = Json::array();
  for (const models::ThresholdFinding& t : found.thresholds) {
    const auto range = [&](const models::Threshold& of) -> std::string {
      return of.low_factor ? factor(of.low_factor) + " to " + factor(of.high_factor) : "unknown";
    };
    table.rows.push_back({t.method, t.router, fmt::format("{}", t.pretrained),
                          factor(t.from_scratch.factor), range(t.from_scratch),
                          factor(t.unpruned.factor), range(t.unpruned)});
    page.csv.push_back({t.method, t.router, fmt::format("{}", t.pretrained),
                        factor(t.from_scratch.factor), factor(t.from_scratch.low_factor),
                        factor(t.from_scratch.high_factor), factor(t.unpruned.factor),
                        factor(t.unpruned.low_factor), factor(t.unpruned.high_factor)});
    list.push(Json::object()
                  .set("method", t.method)
                  .set("router", t.router)
                  .set("pretrained_experts", t.pretrained)
                  .set("from_scratch", threshold_factors_json(t.from_scratch))
                  .set("unpruned", threshold_factors_json(t.unpruned)));
  }
  page.json.set("unpruned_tolerance", found.tolerance)
      .set("confidence", found.confidence)
      .set("thresholds", std::move(list));
  page.tables.push_back(std::move(table));
}

void add_contrasts(const LabFindings& found, Page& page) {
  PageTable table{"Contrasts, mean over all pairs of counts, points",
                  {{"contrast", "difference", "pairs"}}};
  Json list = Json::array();
  for (const LabFindings::Contrast& c : found.contrasts) {
    table.rows.push_back({c.what, points(c.difference), fmt::format("{}", c.pairs)});
    list.push(Json::object()
                  .set("contrast", c.what)
                  .set("difference", interval_json(c.difference))
                  .set("pairs", c.pairs));
  }
  page.json.set("contrasts", std::move(list));
  page.tables.push_back(std::move(table));
}

}  // namespace

Page lab_page(const models::LabResult& result, const LabFindings& found) {
  Page page;
  page.title = fmt::format(
      "moeplan lab: {} seeds, {} tasks, {} hidden numbers, experts of {} neurons in {} layers",
      result.options.seeds, result.options.problem.tasks, result.options.problem.inputs(),
      result.options.intermediate, result.options.layers);
  page.json.set("schema", "moeplan.laboratory")
      .set("schema_version", 1)
      .set("source", "measured: moeplan lab")
      .set("statements", found.statements);
  PageTable answers{"", {{"finding"}}};
  for (const std::string& statement : found.statements) {
    answers.rows.push_back({statement});
  }
  page.tables.push_back(std::move(answers));
  add_sizes(found, page);
  add_pruned(result, found, page);
  add_thresholds(found, page);
  add_contrasts(found, page);
  page.json.set("options", result.options.json()).set("parameters", result.parameters);
  page.notes.push_back(
      "Intervals are Student's over the seeds, two-sided; differences are taken within a seed. A "
      "threshold is the largest factor up to which every measured one holds by its mean; its "
      "interval runs from what holds by the lower ends to what the upper ends do not exclude.");
  return page;
}

std::string lab_rows_csv(const models::LabResult& result) {
  std::string out =
      "seed,task,method,router,pretrained_experts,experts_kept,accuracy_before,accuracy,refused\n";
  for (const models::LabRow& row : result.rows) {
    out += fmt::format("{},{},{},{},{},{},{},{},{}\n", row.seed + 1, row.task + 1, row.method,
                       row.router, row.pretrained, row.kept,
                       row.before ? number_text(*row.before) : "",
                       row.accuracy ? number_text(*row.accuracy) : "",
                       row.refused.empty() ? "" : "\"" + row.refused + "\"");
  }
  return out;
}

}  // namespace moeplan::app
