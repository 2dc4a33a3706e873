// How sure a plan is, and what drives it (the result's `uncertainty`).
#include <fmt/format.h>

#include <algorithm>

#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

constexpr std::size_t kMostBars = 30;

bool is_duration(const std::string& key) { return key.ends_with("_s") && !key.ends_with("per_s"); }

// "tpot_p99_s" -> "p99 TPOT"; other keys with spaces for underscores.
std::string name_of_figure(const std::string& key) {
  for (const char* metric : {"ttft", "tpot"}) {
    if (key.starts_with(std::string(metric) + "_p") && key.ends_with("_s")) {
      return key.substr(5, key.size() - 7) +
             (*metric == 't' && metric[1] == 't' ? " TTFT" : " TPOT");
    }
  }
  std::string name = key;
  std::replace(name.begin(), name.end(), '_', ' ');
  if (const std::size_t usd = name.find("usd"); usd != std::string::npos) {
    name.replace(usd, 3, "USD");
  }
  return name;
}

std::string value_text(const std::string& key, const std::optional<double>& value) {
  if (!value) {
    return "overload";  // null: infinite, no engines are enough
  }
  return is_duration(key)              ? duration_text(value)
         : key.starts_with("accuracy") ? percent_text(value)
                                       : digits_text(value);
}

}  // namespace

std::optional<ReportFigure> tornado_figure(const Node& plan) {
  const std::string key = text_at(plan, "uncertainty/tornado_figure");
  const auto estimate = number_at(plan, "uncertainty/tornado_estimate/" + key);
  const double scale = is_duration(key) ? 1e3 : 1.0;
  const std::string title = name_of_figure(key) + (is_duration(key) ? ", ms" : "");
  std::vector<Json> data;
  ReportTable table{{"input", "at 5 %", "at 95 %", title + " at 5 %", title + " at 95 %"}, {}};
  for (const Node& bar : items_at(plan, "uncertainty/tornado")) {
    if (!estimate || table.rows.size() == kMostBars) {
      break;
    }
    const std::string input = text_at(bar, "input");
    const std::string unit = text_at(bar, "unit");
    std::vector<std::string> cells = {input};
    for (const char* end : {"low", "high"}) {
      const auto value = number_at(bar, end);
      cells.push_back(value ? digits_text(value) + (unit.empty() ? "" : " " + unit) : "-");
    }
    for (const char* end : {"low", "high"}) {
      const bool low = std::string(end) == "low";
      const auto figure = number_at(bar, "figures/" + key + "/at_" + end);
      cells.push_back(value_text(key, figure));
      if (figure) {
        data.push_back(Json::object()
                           .set("input", input)
                           .set("side", low ? "5th percentile" : "95th percentile")
                           .set("input_value", cells[low ? 1 : 2])
                           .set("from", scale * *estimate)
                           .set("to", scale * *figure));
      }
    }
    table.rows.push_back(std::move(cells));
  }
  if (data.empty()) {
    return std::nullopt;
  }
  const Json y = channel("input", "nominal", "")
                     .set("sort", Json())
                     .set("axis", Json::object().set("labelLimit", 280));
  std::vector<Json> layers = {layer(
      mark("bar").set("height", 16),
      Json::object()
          .set("y", y)
          .set("x", measure("from", title))
          .set("x2", Json::object().set("field", "to"))
          .set("color", colors("side", "the input at its", {"5th percentile", "95th percentile"}))
          .set("tooltip", hover({{"input", "input", ""},
                                 {"input_value", "at", ""},
                                 {"to", "figure", ",.5~r"}})))};
  layers.push_back(rule_at("x", scale * *estimate, "").front());  // the axis names it
  return ReportFigure{
      "tornado", "What the uncertainty comes from",
      fmt::format("{} of the recommended design with one input at its 5th or 95th percentile and "
                  "all others as estimated; the widest bar is what to measure first. An end that "
                  "is not drawn means overload.",
                  name_of_figure(key)),
      layered(static_cast<int>(40 + 26 * table.rows.size()), data, layers), table};
}

std::optional<ReportFigure> intervals_figure(const Node& plan) {
  const std::vector<Node>& designs = items_at(plan, "uncertainty/designs");
  const Node* figures = designs.empty() ? nullptr : at(designs.front(), "figures");
  if (figures == nullptr) {
    return std::nullopt;
  }
  std::vector<Json> data;
  ReportTable table{{"figure", "5 %", "median", "95 %"}, {}};
  double least = 100.0;  // of what is drawn
  double most = 100.0;
  for (const Node::Entry& entry : figures->entries) {
    const auto median = number_at(entry.value, "p50");
    if (entry.value.kind == text::Kind::null || table.rows.size() == kMostBars) {
      continue;
    }
    const auto low = number_at(entry.value, "p05");
    const auto high = number_at(entry.value, "p95");
    table.rows.push_back({name_of_figure(entry.key), value_text(entry.key, low),
                          value_text(entry.key, median), value_text(entry.key, high)});
    if (low && median && high && *low > 0.0 && *median > 0.0) {
      least = std::min(least, 100.0 * *low / *median);
      most = std::max(most, 100.0 * *high / *median);
      data.push_back(Json::object()
                         .set("figure", name_of_figure(entry.key))
                         .set("low_percent", 100.0 * *low / *median)
                         .set("median_percent", 100.0)
                         .set("high_percent", 100.0 * *high / *median));
    }
  }
  if (table.rows.empty()) {
    return std::nullopt;
  }
  const Json y = channel("figure", "nominal", "")
                     .set("sort", Json())
                     .set("axis", Json::object().set("labelLimit", 280));
  // Latencies of a fleet near its capacity go up many times over; on an even scale they would push
  // all other figures together.
  constexpr double kWide = 4.0;
  const auto share = [&](const char* field) {
    Json x = measure(field, "% of the median");
    if (most > kWide * least) {
      x.set("title", "% of the median (logarithmic)");
      x.set("scale", Json::object().set("type", "log").set("nice", false).set("padding", 12));
      x.set("axis", Json::object()
                        .set("format", ",~r")
                        .set("values", std::vector<int>{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000,
                                                        2000, 5000, 10000}));
    }
    return x;
  };
  const Json about = hover({{"figure", "figure", ""},
                            {"low_percent", "5 %, of the median", ".1f"},
                            {"high_percent", "95 %, of the median", ".1f"}});
  const std::vector<Json> layers = {
      layer(mark("rule").set("strokeWidth", 3).set("color", kPalette[5]),
            Json::object()
                .set("y", y)
                .set("x", share("low_percent"))
                .set("x2", Json::object().set("field", "high_percent"))
                .set("tooltip", about)),
      layer(mark("point")
                .set("filled", true)
                .set("size", 70)
                .set("opacity", 1.0)
                .set("color", kPalette[0]),
            Json::object().set("y", y).set("x", share("median_percent")))};
  return ReportFigure{
      "intervals", "How sure the figures are",
      fmt::format("5 to 95 % of {} draws of everything that is not known, of the recommended "
                  "design, as a share of the median. It meets every objective in {} of them and is "
                  "the cheapest of the designs compared in {}.",
                  text_at(plan, "uncertainty/draws"),
                  percent_text(number_at(plan, "uncertainty/probability_meets_objectives")),
                  percent_text(number_at(plan, "uncertainty/probability_cheapest"))),
      data.empty() ? Json() : layered(static_cast<int>(40 + 24 * data.size()), data, layers),
      table};
}

}  // namespace moeplan::sim
