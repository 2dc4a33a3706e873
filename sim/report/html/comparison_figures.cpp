// Two results side by side (moeplan compare).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "models/units/parse.hpp"
#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

constexpr double kMs = 1e3;
constexpr std::size_t kMostRows = 400;

// A number of many digits with four; any other value as it is.
std::string cell(const Node& row, const char* key) {
  constexpr std::size_t kFewDigits = 8;
  const std::string text = text_at(row, key);
  const auto number = text.size() > kFewDigits ? parse_number(text) : std::nullopt;
  return number ? digits_text(number) : text;
}

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
      table.rows.push_back({text_at(figure, "key"), cell(figure, "a"), cell(figure, "b"),
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
  constexpr std::size_t kMostOfAPart = 8;
  constexpr const char* kAbsent = "absent";
  const auto part_of = [](const Node& each) {
    const std::string key = text_at(each, "key");
    return key.substr(0, key.find('/'));
  };
  const auto one_sided = [&](const Node& each) {
    return text_at(each, "a") == kAbsent || text_at(each, "b") == kAbsent;
  };
  // What only one of the two results has (intervals, say) is one line, not hundreds.
  std::map<std::string, std::size_t> absent;
  for (const Node& each : items_at(comparison, "differences")) {
    absent[part_of(each)] += one_sided(each) ? 1 : 0;
  }
  ReportTable table{{"", "A", "B"}, {}};
  std::set<std::string> told;
  for (const Node& each : items_at(comparison, "differences")) {
    const std::string part = part_of(each);
    const bool folded = one_sided(each) && absent[part] > kMostOfAPart;
    if (table.rows.size() == kMostRows || (folded && !told.insert(part).second)) {
      continue;
    }
    if (folded) {
      const std::string values = fmt::format("{} values", absent[part]);
      const bool in_a = text_at(each, "b") == kAbsent;
      table.rows.push_back({part, in_a ? values : kAbsent, in_a ? kAbsent : values});
    } else {
      table.rows.push_back({text_at(each, "key"), cell(each, "a"), cell(each, "b")});
    }
  }
  if (table.rows.empty()) {
    return std::nullopt;
  }
  return ReportFigure{"differences", "What else differs", "Scenario, layout and laws.", Json(),
                      table};
}

}  // namespace moeplan::sim
