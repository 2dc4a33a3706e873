// Money: the Pareto figure and the budget.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sim/report/html/design_row.hpp"
#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

constexpr double kMs = 1e3;
constexpr std::size_t kMostTableRows = 60;

// "64 (54.1 %)": experts with the accuracy that they keep.
std::string experts_name(const Node& design) {
  const std::string experts = text_at(design, "experts_kept");
  const auto accuracy = number_at(design, "accuracy");
  return (experts.empty() ? "dense" : experts) +
         (accuracy ? " (" + percent_text(accuracy) + ")" : "");
}

// Names in rising order of experts.
std::vector<std::string> experts_names(const std::vector<DesignRow>& rows) {
  std::set<std::pair<double, std::string>> found;
  for (const DesignRow& row : rows) {
    found.insert({number_at(*row.node, "experts_kept").value_or(0.0), experts_name(*row.node)});
  }
  std::vector<std::string> names;
  for (const auto& [experts, name] : found) {
    names.push_back(name);
  }
  return names;
}

// Told apart by palette and shape while these last, by a ramp of colours beyond.
Json experts_channel(const std::vector<std::string>& names, bool accuracy) {
  const std::string title = accuracy ? "experts kept (accuracy)" : "experts kept";
  if (names.size() <= kPalette.size()) {
    return colors("experts", title, names);
  }
  return channel("experts", "ordinal", title)
      .set("scale", Json::object().set("domain", names).set("scheme", "turbo"))
      .set("legend", Json::object().set("orient", "top").set("columns", 6));
}

ReportTable design_table(const std::vector<DesignRow>& rows) {
  ReportTable table{{"design", "role", "engines", "GPUs", "USD a month", "USD per million tokens",
                     "p99 TTFT", "p99 TPOT", "accuracy", "accuracy, 95 % band"},
                    {}};
  for (const DesignRow& row : rows) {
    if (table.rows.size() == kMostTableRows) {
      break;
    }
    const Node& d = *row.node;
    const auto low = number_at(d, "accuracy_low");
    table.rows.push_back(
        {row.label, row.role, text_at(d, "replicas"), text_at(d, "gpus"),
         whole_text(number_at(d, "cost_usd_per_month")),
         digits_text(number_at(d, "cost_usd_per_million_tokens")),
         duration_text(number_at(d, "ttft_p99_s")), duration_text(number_at(d, "tpot_p99_s")),
         percent_text(number_at(d, "accuracy")),
         low ? percent_text(low) + " to " + percent_text(number_at(d, "accuracy_high")) : "-"});
  }
  return table;
}

const std::vector<Hover>& pareto_hover() {
  static const std::vector<Hover> kFields = {{"design", "design", ""},
                                             {"role", "role", ""},
                                             {"cost_usd_per_month", "USD a month", ",.0f"},
                                             {"ttft_p99_ms", "p99 TTFT, ms", ",.1f"},
                                             {"tpot_p99_ms", "p99 TPOT, ms", ",.1f"},
                                             {"accuracy_percent", "accuracy, %", ".1f"}};
  return kFields;
}

}  // namespace

std::optional<ReportFigure> pareto_figure(const Node& plan) {
  const std::vector<DesignRow> rows = design_rows(plan);
  std::vector<Json> data;
  bool accuracy = false;
  for (const DesignRow& row : rows) {
    const auto cost = number_at(*row.node, "cost_usd_per_month");
    const auto tpot = number_at(*row.node, "tpot_p99_s");
    if (!cost || !tpot) {
      continue;
    }
    const auto ttft = number_at(*row.node, "ttft_p99_s");
    const auto value = number_at(*row.node, "accuracy");
    accuracy = accuracy || value.has_value();
    data.push_back(Json::object()
                       .set("design", row.label)
                       .set("role", row.role)
                       .set("named", row.named ? row.role : std::string())
                       .set("front", row.front)
                       .set("experts", experts_name(*row.node))
                       .set("cost_usd_per_month", *cost)
                       .set("ttft_p99_ms", ttft ? Json(kMs * *ttft) : Json())
                       .set("tpot_p99_ms", kMs * *tpot)
                       .set("accuracy_percent", value ? Json(100.0 * *value) : Json()));
  }
  if (data.empty()) {
    return std::nullopt;
  }
  const std::vector<std::string> names = experts_names(rows);
  const Json x = measure("cost_usd_per_month", "USD a month", "~s");
  const Json y = measure("tpot_p99_ms", "p99 TPOT, ms");
  const auto place = [&] { return Json::object().set("x", x).set("y", y); };
  std::vector<Json> layers = {
      layer(mark("point").set("filled", true).set("size", 80).set("opacity", 0.8),
            place()
                .set("color", experts_channel(names, accuracy))
                .set("tooltip", hover(pareto_hover()))),
      layer(mark("point").set("filled", false).set("size", 190).set("strokeWidth", 1.6), place())
          .set("transform", Json::array().push(Json::object().set("filter", "datum.front"))),
      layer(mark("text").set("align", "left").set("dx", 12).set("dy", -9).set("fontWeight", 600),
            place().set("text", channel("named", "nominal", "")))
          .set("transform",
               Json::array().push(Json::object().set("filter", "datum.named !== ''")))};
  if (const auto bound = number_at(plan, "objectives/tpot_p99_s")) {
    for (Json& each : rule_at("y", kMs * *bound, "objective")) {
      layers.push_back(std::move(each));
    }
  }
  if (const auto bound = number_at(plan, "objectives/budget_usd_per_month")) {
    for (Json& each : rule_at("x", *bound, "budget")) {
      layers.push_back(std::move(each));
    }
  }
  const std::size_t all = items_at(plan, "designs").size();
  std::string caption =
      "Each point is a design that was simulated, sized for all of the traffic: lower is faster, "
      "further left is cheaper. Rings mark the Pareto front: no other design is at least as "
      "cheap, as fast and as accurate.";
  if (all > rows.size()) {
    caption += fmt::format(" The {} cheapest of {} are drawn.", rows.size(), all);
  }
  return ReportFigure{"pareto", "Cost, latency and accuracy", caption, layered(340, data, layers),
                      design_table(rows)};
}

std::optional<ReportFigure> budget_figure(const Node& result) {
  std::vector<Json> data;
  std::vector<Json> bands;
  std::vector<std::string> kinds;
  ReportTable table{{"design", "role", "USD a month", "5 to 95 % of the laws' errors",
                     "USD per million tokens", "input", "output", "at capacity", "USD per hour",
                     "instances", "idle GPUs", "price", "J per token"},
                    {}};
  for (const DesignRow& row : named_designs(result)) {
    const Node& d = *row.node;
    const Node* below = at(d, "money");
    const Node& money = below != nullptr ? *below : d;  // a simulation keeps it one level down
    const auto month = number_at(money, "cost_usd_per_month");
    const Node* parts = at(money, "cost_breakdown_usd_per_month");
    if (!month || parts == nullptr) {
      continue;
    }
    for (const Node::Entry& part : parts->entries) {
      if (std::find(kinds.begin(), kinds.end(), part.key) == kinds.end()) {
        kinds.push_back(part.key);
      }
      data.push_back(Json::object()
                         .set("design", row.label)
                         .set("kind", part.key)
                         .set("usd_per_month", number_at(*parts, part.key).value_or(0.0)));
    }
    const auto low = number_at(d, "error_band/cost_usd_per_month_low");
    const auto high = number_at(d, "error_band/cost_usd_per_month_high");
    if (low && high) {
      bands.push_back(Json::object().set("design", row.label).set("low", *low).set("high", *high));
    }
    table.rows.push_back(
        {row.label, row.role, whole_text(month),
         low ? whole_text(low) + " to " + (high ? whole_text(high) : std::string("overload")) : "-",
         digits_text(number_at(money, "cost_usd_per_million_tokens")),
         digits_text(number_at(money, "cost_usd_per_million_input_tokens")),
         digits_text(number_at(money, "cost_usd_per_million_output_tokens")),
         digits_text(number_at(money, "cost_usd_per_million_tokens_at_capacity")),
         digits_text(number_at(money, "rent_usd_per_h")), text_at(money, "instances"),
         text_at(money, "stranded_gpus"),
         text_at(money, "price_id") + " (" + text_at(money, "price_tier") + ")",
         digits_text(number_at(d, "energy_joules_per_token"))});
  }
  if (data.empty()) {
    return std::nullopt;
  }
  const Json y = channel("design", "nominal", "")
                     .set("sort", Json())
                     .set("axis", Json::object().set("labelLimit", 280));
  const auto x = [](const char* field) {
    return channel(field, "quantitative", "USD a month")
        .set("axis", Json::object().set("format", "~s"));
  };
  std::vector<Json> layers = {
      layer(mark("bar").set("height", 18),
            Json::object()
                .set("y", y)
                .set("x", x("usd_per_month").set("stack", "zero"))
                .set("color", colors("kind", "", kinds))
                .set("tooltip", hover({{"design", "design", ""},
                                       {"kind", "for", ""},
                                       {"usd_per_month", "USD a month", ",.0f"}})))};
  if (!bands.empty()) {
    layers.push_back(layer(mark("rule").set("strokeWidth", 2),
                           Json::object()
                               .set("y", y)
                               .set("x", x("low"))
                               .set("x2", Json::object().set("field", "high"))
                               .set("tooltip", hover({{"design", "design", ""},
                                                      {"low", "5 %, USD a month", ",.0f"},
                                                      {"high", "95 %, USD a month", ",.0f"}})))
                         .set("data", Json::object().set("values", bands)));
  }
  return ReportFigure{
      "budget", "Money a month",
      "What the fleet costs in a month of 730 h. The line through a bar is what it would "
      "cost with all cost laws fast or slow at once by their own errors (5th and 95th "
      "percentile).",
      layered(static_cast<int>(50 + 40 * table.rows.size()), data, layers), table};
}

}  // namespace moeplan::sim
