// The day: its traffic, the engines of every way to pay for it, and what they cost.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/report/html/design_row.hpp"
#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

// One way to pay for the day: its key in the result, and its name.
struct Way {
  const char* key;
  const char* name;
};
constexpr std::array<Way, 3> kWays = {{{"fixed", "kept all day at the peak"},
                                       {"following", "following by the hour"},
                                       {"mixed", "base and peak"}}};

constexpr const char* kCommitted = "base and peak: committed all day";
constexpr const char* kByTheHour = "base and peak: by the hour";
constexpr const char* kNeeded = "needed, and paid when following";

Json hours() {
  return channel("hour", "ordinal", "hour of the day")
      .set("axis", Json::object().set("labelAngle", 0));
}

// Engines that base and peak has in an hour that needs so many: the base all day, the rest rented.
struct Split {
  double committed = 0.0;
  double rented = 0.0;
};
std::optional<Split> split_of(const Node& day, double needed) {
  const auto base = number_at(day, "mixed/base_engines");
  if (!base) {
    return std::nullopt;
  }
  return Split{.committed = *base, .rented = std::max(0.0, needed - *base)};
}

ReportTable hour_table(const Node& day) {
  ReportTable table{{"hour", "requests/s", "engines needed, and paid when following",
                     "kept all day at the peak", "base and peak: committed", "by the hour"},
                    {}};
  for (const Node& hour : items_at(day, "hours")) {
    const auto needed = number_at(hour, "engines");
    const auto split = split_of(day, needed.value_or(0.0));
    table.rows.push_back({text_at(hour, "hour"), digits_text(number_at(hour, "requests_per_s")),
                          whole_text(needed), whole_text(number_at(day, "peak_engines")),
                          split ? whole_text(split->committed) : "-",
                          split ? whole_text(split->rented) : "-"});
  }
  return table;
}

// Engines of one design; id: of the figure.
std::optional<ReportFigure> engines_figure(const Node& day, const DesignRow& design,
                                           const std::string& id) {
  std::vector<Json> bars;
  std::vector<Json> needs;
  for (const Node& hour : items_at(day, "hours")) {
    const auto at_hour = number_at(hour, "hour");
    const auto needed = number_at(hour, "engines");
    if (!at_hour || !needed) {
      return std::nullopt;
    }
    // height: order in a stack, from below.
    const auto row = [&](const char* kind, double engines, int height = 0) {
      return Json::object()
          .set("hour", *at_hour)
          .set("kind", kind)
          .set("engines", engines)
          .set("height", height);
    };
    needs.push_back(row(kNeeded, *needed));
    if (const auto split = split_of(day, *needed)) {
      bars.push_back(row(kCommitted, split->committed));
      bars.push_back(row(kByTheHour, split->rented, 1));
    }
  }
  if (needs.empty()) {
    return std::nullopt;
  }
  const std::vector<std::string> kinds =
      bars.empty() ? std::vector<std::string>{kNeeded}
                   : std::vector<std::string>{kCommitted, kByTheHour, kNeeded};
  const auto encoding = [&](bool stacked) {
    Json y = channel("engines", "quantitative", "engines");
    y.set("stack", stacked ? Json("zero") : Json());
    y.set("axis", Json::object().set("tickMinStep", 1));
    return Json::object()
        .set("x", hours())
        .set("y", std::move(y))
        .set("color", colors("kind", "", kinds))
        .set("tooltip",
             hover({{"hour", "hour", ""}, {"kind", "", ""}, {"engines", "engines", "d"}}));
  };
  const auto rows = [](const std::vector<Json>& values) {
    return Json::object().set("values", values);
  };
  std::vector<Json> layers;
  if (!bars.empty()) {
    Json stacked = encoding(true);
    stacked.set("order", channel("height", "quantitative", ""));
    layers.push_back(
        layer(mark("bar").set("width", Json::object().set("band", 0.86)).set("opacity", 0.65),
              std::move(stacked))
            .set("data", rows(bars)));
  }
  layers.push_back(
      layer(mark("line").set("interpolate", "step").set("strokeWidth", 2.5), encoding(false))
          .set("data", rows(needs)));
  if (const auto peak = number_at(day, "peak_engines")) {
    for (Json& each : rule_at("y", *peak, fmt::format("kept all day: {:.0f}", *peak))) {
      layers.push_back(std::move(each));
    }
  }
  const std::string caption = fmt::format(
      "Engines of {} that every hour needs; one carries {}{} requests/s within the objectives. A "
      "fleet that follows pays for the line, one with a base for the bars, one that is kept for "
      "the dashed line all day.",
      design.label, is_true(day, "at_least") ? "at least " : "",
      digits_text(number_at(day, "requests_per_s_per_engine")));
  return ReportFigure{id, "Engines over the day: " + design.role, caption, layered(280, layers),
                      hour_table(day)};
}

std::optional<ReportFigure> load_figure(const Node& day) {
  std::vector<Json> data;
  ReportTable table{{"hour", "requests/s"}, {}};
  double sum = 0.0;
  double most = 0.0;
  for (const Node& hour : items_at(day, "hours")) {
    const auto at_hour = number_at(hour, "hour");
    const auto rate = number_at(hour, "requests_per_s");
    if (!at_hour || !rate) {
      return std::nullopt;
    }
    sum += *rate;
    most = std::max(most, *rate);
    data.push_back(Json::object().set("hour", *at_hour).set("requests_per_s", *rate));
    table.rows.push_back({text_at(hour, "hour"), digits_text(rate)});
  }
  if (data.empty()) {
    return std::nullopt;
  }
  const double mean = sum / static_cast<double>(data.size());
  std::vector<Json> layers = {
      layer(mark("bar").set("width", Json::object().set("band", 0.86)).set("color", kPalette[0]),
            Json::object()
                .set("x", hours())
                .set("y", channel("requests_per_s", "quantitative", "requests/s"))
                .set("tooltip",
                     hover({{"hour", "hour", ""}, {"requests_per_s", "requests/s", ",.1f"}})))};
  for (Json& each : rule_at("y", mean, "mean")) {
    layers.push_back(std::move(each));
  }
  return ReportFigure{
      "day_load", "Traffic over the day",
      fmt::format("Requests a second that the whole fleet gets in every hour; the busiest has {} "
                  "times the mean.",
                  digits_text(mean > 0.0 ? most / mean : 0.0)),
      layered(200, data, layers), std::move(table)};
}

std::optional<ReportFigure> cost_figure(const Node& plan, const std::vector<DesignRow>& designs) {
  const std::vector<Node>& days = items_at(plan, "day");
  std::vector<Json> data;
  std::vector<std::string> names;
  ReportTable table{{"fleet", "design", "USD a month", "against kept", "committed engines",
                     "their price", "price by the hour", "engine-hours a day"},
                    {}};
  for (std::size_t i = 0; i < days.size(); ++i) {
    const auto kept = number_at(days[i], "fixed/cost_usd_per_month");
    if (!kept) {
      continue;
    }
    names.push_back(designs[i].label);
    for (const Way& way : kWays) {
      const Node* fleet = at(days[i], way.key);
      const auto cost = fleet == nullptr ? std::nullopt : number_at(*fleet, "cost_usd_per_month");
      if (!cost) {
        continue;
      }
      data.push_back(Json::object()
                         .set("fleet", way.name)
                         .set("design", designs[i].label)
                         .set("usd_per_month", *cost));
      const std::string base = text_at(*fleet, "base_price_id");
      const std::string rented = text_at(*fleet, "hourly_price_id");
      table.rows.push_back(
          {way.name, designs[i].label, whole_text(cost),
           *kept > 0.0 ? fmt::format("{:+.1f} %", 100.0 * (*cost / *kept - 1.0)) : "-",
           text_at(*fleet, "base_engines"), base.empty() ? "-" : base,
           rented.empty() ? "-" : rented, digits_text(number_at(*fleet, "engine_hours_per_day"))});
    }
  }
  if (data.empty()) {
    return std::nullopt;
  }
  const Json fleet = channel("fleet", "nominal", "")
                         .set("sort", Json())
                         .set("axis", Json::object().set("labelLimit", 280));
  Json bars =
      Json::object()
          .set("y", fleet)
          .set("x", channel("usd_per_month", "quantitative", "USD a month")
                        .set("stack", Json())
                        .set("axis", Json::object().set("format", "~s").set("tickCount", 8)))
          .set("color", colors("design", "", names))
          .set("tooltip", hover({{"fleet", "fleet", ""},
                                 {"design", "design", ""},
                                 {"usd_per_month", "USD a month", ",.0f"}}));
  if (names.size() > 1) {
    bars.set("yOffset", channel("design", "nominal", "").set("sort", Json()));
  }
  return ReportFigure{
      "day_cost", "Money a month, by how the day is paid",
      "Kept: the engines of the busiest hour all day, at the cheapest tier. Following: every "
      "hour's "
      "engines rented by the hour, their start paid. Base and peak: the cheapest split of both.",
      layered(static_cast<int>(40 + 60 * names.size() * kWays.size() / 2), data,
              {layer(mark("bar"), std::move(bars))}),
      std::move(table)};
}

}  // namespace

std::vector<ReportFigure> day_figures(const Node& plan) {
  std::vector<ReportFigure> figures;
  const std::vector<Node>& days = items_at(plan, "day");
  const auto add = [&](std::optional<ReportFigure> figure) {
    if (figure) {
      figures.push_back(std::move(*figure));
    }
  };
  if (days.empty()) {
    return figures;
  }
  std::vector<DesignRow> designs;
  for (const Node& day : days) {
    designs.push_back(
        design_at(plan, static_cast<std::size_t>(number_at(day, "design").value_or(0.0))));
  }
  add(load_figure(days.front()));
  for (std::size_t i = 0; i < days.size(); ++i) {
    add(engines_figure(days[i], designs[i],
                       i == 0 ? "day_engines" : fmt::format("day_engines_{}", i + 1)));
  }
  add(cost_figure(plan, designs));
  return figures;
}

}  // namespace moeplan::sim
