// Two results side by side (moeplan compare).
#include <algorithm>

#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

constexpr double kMs = 1e3;
constexpr std::size_t kMostRows = 400;

}  // namespace

std::optional<ReportFigure> compared_phases_figure(const Node& comparison) {
  std::vector<Json> data;
  ReportTable table{{"phase", "A", "B", "change"}, {}};
  for (const Node& phase : items_at(comparison, "phase_seconds_per_step")) {
    const auto a = number_at(phase, "a");
    const auto b = number_at(phase, "b");
    if (!a || !b || table.rows.size() == kMostRows) {
      continue;
    }
    const std::string name = text_at(phase, "key");
    data.push_back(Json::object().set("phase", name).set("result", "A").set("step_ms", kMs * *a));
    data.push_back(Json::object().set("phase", name).set("result", "B").set("step_ms", kMs * *b));
    table.rows.push_back({name, duration_text(a), duration_text(b), duration_text(*b - *a)});
  }
  if (data.empty()) {
    return std::nullopt;
  }
  const Json layer_of_bars =
      layer(mark("bar"), Json::object()
                             .set("y", channel("phase", "nominal", "").set("sort", Json()))
                             .set("yOffset", channel("result", "nominal", ""))
                             .set("x", channel("step_ms", "quantitative", "mean step, ms"))
                             .set("color", colors("result", "", {"A", "B"}))
                             .set("tooltip", hover({{"phase", "phase", ""},
                                                    {"result", "result", ""},
                                                    {"step_ms", "ms", ",.4f"}})));
  return ReportFigure{"compared_phases", "Which phases carry the difference",
                      "Mean time of a step by phase, the largest change first.",
                      layered(static_cast<int>(40 + 32 * table.rows.size()), data, {layer_of_bars}),
                      table};
}

std::optional<ReportFigure> compared_figures_table(const Node& comparison) {
  ReportTable table{{"figure", "A", "B", "B / A"}, {}};
  for (const Node& figure : items_at(comparison, "figures")) {
    if (text_at(figure, "a") != text_at(figure, "b") && table.rows.size() < kMostRows) {
      table.rows.push_back({text_at(figure, "key"), text_at(figure, "a"), text_at(figure, "b"),
                            digits_text(number_at(figure, "ratio"))});
    }
  }
  if (table.rows.empty()) {
    return std::nullopt;
  }
  return ReportFigure{"compared_figures", "Figures that differ",
                      "Figures that are equal are left out.", Json(), table};
}

std::optional<ReportFigure> differences_table(const Node& comparison) {
  ReportTable table{{"", "A", "B"}, {}};
  for (const Node& each : items_at(comparison, "differences")) {
    if (table.rows.size() < kMostRows) {
      table.rows.push_back({text_at(each, "key"), text_at(each, "a"), text_at(each, "b")});
    }
  }
  if (table.rows.empty()) {
    return std::nullopt;
  }
  return ReportFigure{"differences", "What else differs", "Scenario, layout and laws.", Json(),
                      table};
}

}  // namespace moeplan::sim
