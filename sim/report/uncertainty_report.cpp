#include "sim/report/uncertainty_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "models/units/parse.hpp"
#include "sim/plan/reasons.hpp"

namespace moeplan::sim {
namespace {

using text::Json;

// Infinite: overloaded, or no number of engines is enough. NaN: no such figure.
Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json levels_json(const std::array<double, 3>& values) {
  return Json::object()
      .set("p05", number_or_null(values[0]))
      .set("p50", number_or_null(values[1]))
      .set("p95", number_or_null(values[2]));
}

Json probability_json(const Probability& p) {
  return Json::object().set("value", p.value).set("standard_error", p.error);
}

Json figures_json(const DesignIntervals& design) {
  Json json = Json::object();
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    const auto& interval = design.figures[f];
    json.set(std::string(key_of(static_cast<Figure>(f))),
             interval ? levels_json(interval->values) : Json());
  }
  return json;
}

// Standard errors of the three percentiles, and how far each moved over the second half of the
// draws.
Json convergence_json(const DesignIntervals& design) {
  Json json = Json::object();
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    if (const auto& interval = design.figures[f]) {
      json.set(std::string(key_of(static_cast<Figure>(f))),
               Json::object()
                   .set("standard_error", levels_json(interval->errors))
                   .set("change_since_half_the_draws", levels_json(interval->half_changes)));
    }
  }
  return json;
}

Json sample_json(const Sample& sample) {
  Json json = Json::object();
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    json.set(std::string(key_of(static_cast<Figure>(f))), number_or_null(sample.figures[f]));
  }
  return json;
}

Json ends_json(const TornadoBar& bar) {
  Json json = Json::object();
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    json.set(std::string(key_of(static_cast<Figure>(f))),
             Json::object()
                 .set("at_low", number_or_null(bar.at_low.figures[f]))
                 .set("at_high", number_or_null(bar.at_high.figures[f])));
  }
  return json;
}

std::string seconds_text(double value) {
  return std::isfinite(value) ? to_text(Seconds(value)) : "overload";
}

std::string number_text(double value, Figure figure) {
  if (!std::isfinite(value)) {
    return "none";
  }
  switch (figure) {
    case Figure::replicas:
    case Figure::month_cost:
    case Figure::throughput:
      return fmt::format("{:.0f}", value);
    case Figure::accuracy:
      return fmt::format("{:.1f} %", 100.0 * value);
    default:
      return fmt::format("{:.3g}", value);
  }
}

bool is_latency(Figure figure) { return figure <= Figure::tpot_p99; }

std::string figure_text(double value, Figure figure) {
  return is_latency(figure) ? seconds_text(value) : number_text(value, figure);
}

const char* label_of(Figure figure) {
  static constexpr std::array<const char*, kFigureCount> kLabels = {"TTFT p50",
                                                                    "TTFT p99",
                                                                    "TPOT p50",
                                                                    "TPOT p99",
                                                                    "tokens/s",
                                                                    "load one engine carries",
                                                                    "engines needed",
                                                                    "USD/Mtok",
                                                                    "USD/Mtok in",
                                                                    "USD/Mtok out",
                                                                    "USD/Mtok at capacity",
                                                                    "USD/month",
                                                                    "accuracy"};
  return kLabels[static_cast<std::size_t>(figure)];
}

std::string percent_text(const Probability& p) {
  return fmt::format("{:.0f} % (+-{:.0f})", 100.0 * p.value, 100.0 * p.error);
}

TextTable figures_table(const DesignIntervals& design) {
  TextTable table({"figure", "5 %", "median", "95 %", "error of the 95 %"});
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    const auto figure = static_cast<Figure>(f);
    if (const auto& interval = design.figures[f]) {
      table.add({label_of(figure), figure_text(interval->low(), figure),
                 figure_text(interval->median(), figure), figure_text(interval->high(), figure),
                 std::isfinite(interval->errors[2]) ? figure_text(interval->errors[2], figure)
                                                    : "unknown"});
    }
  }
  return table;
}

}  // namespace

Json uncertainty_json(const Uncertainty* uncertainty) {
  if (uncertainty == nullptr) {
    return {};
  }
  const Uncertainty& u = *uncertainty;
  Json designs = Json::array();
  for (const DesignIntervals& design : u.designs) {
    designs.push(Json::object()
                     .set("roles", design.roles)
                     .set("design", design.design)
                     .set("figures", figures_json(design))
                     .set("probability_meets_objectives", probability_json(design.meets))
                     .set("probability_cheapest", probability_json(design.cheapest))
                     .set("convergence", convergence_json(design)));
  }
  Json tornado = Json::array();
  for (const TornadoBar& bar : u.tornado) {
    tornado.push(Json::object()
                     .set("input", bar.input)
                     .set("unit", bar.unit)
                     .set("low", bar.low)
                     .set("high", bar.high)
                     .set("figures", ends_json(bar)));
  }
  return Json::object()
      .set("draws", u.draws)
      .set("seed", u.seed)
      .set("probability_meets_objectives", u.designs.front().meets.value)
      .set("probability_cheapest", u.designs.front().cheapest.value)
      .set("designs", designs)
      .set("tornado_figure", std::string(key_of(u.tornado_figure)))
      .set("tornado_estimate", sample_json(u.estimate))
      .set("tornado", tornado)
      .set("notes", u.notes);
}

void add_uncertainty(const Uncertainty& u, const std::vector<Design>& designs,
                     const Scenario& scenario, ReportWriter& out) {
  out.heading(fmt::format("How sure these figures are ({} draws)", u.draws));
  for (const DesignIntervals& design : u.designs) {
    out.item(fmt::format("{} ({}): meets every objective in {} of the draws{}",
                         describe(designs[design.design], scenario), fmt::join(design.roles, ", "),
                         percent_text(design.meets),
                         u.designs.size() > 1
                             ? ", costs least of those compared in " + percent_text(design.cheapest)
                             : ""));
    out.table(figures_table(design));
  }
  for (const std::string& note : u.notes) {
    out.item(note);
  }
  out.heading("What drives them (one input at a time, 5 to 95 %)");
  std::vector<Figure> columns = {Figure::ttft_p99, Figure::tpot_p99};
  if (!is_latency(u.tornado_figure)) {
    columns.insert(columns.begin(), u.tornado_figure);
  }
  std::vector<std::string> header = {"input", "5 % to 95 %"};
  for (const Figure figure : columns) {
    header.emplace_back(label_of(figure));
  }
  TextTable table(header);
  const auto ends = [](const TornadoBar& bar, Figure figure) {
    return figure_text(bar.at_low[figure], figure) + " to " +
           figure_text(bar.at_high[figure], figure);
  };
  for (const TornadoBar& bar : u.tornado) {
    std::vector<std::string> row = {
        bar.input, fmt::format("{:.3g} to {:.3g} {}", bar.low, bar.high, bar.unit)};
    for (const Figure figure : columns) {
      row.push_back(ends(bar, figure));
    }
    table.add(std::move(row));
  }
  out.table(table);
}

}  // namespace moeplan::sim
