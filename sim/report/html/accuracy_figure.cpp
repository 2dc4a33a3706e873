// Accuracy against experts kept: the measured curve with its band, and what may be lost.
#include <fmt/format.h>

#include "sim/report/html/design_row.hpp"
#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

constexpr std::size_t kMostPoints = 200;

// {experts, accuracy, low, high} in percent; low and high null without a band.
Json point_of(const Node& from, const std::string& kind) {
  const auto share = [&](const char* key) {
    const auto value = number_at(from, key);
    return value ? Json(100.0 * *value) : Json();
  };
  return Json::object()
      .set("kind", kind)
      .set("experts", number_at(from, "experts_kept").value_or(0.0))
      .set("accuracy_percent", share("accuracy"))
      .set("low_percent", share("accuracy_low"))
      .set("high_percent", share("accuracy_high"));
}

std::vector<std::string> cells_of(const Node& from, const std::string& kind) {
  return {text_at(from, "experts_kept"),
          kind,
          percent_text(number_at(from, "accuracy")),
          percent_text(number_at(from, "accuracy_low")),
          percent_text(number_at(from, "accuracy_high")),
          text_at(from, "samples").empty() ? "-" : text_at(from, "samples")};
}

Json filtered(Json from, const char* expression) {
  return std::move(
      from.set("transform", Json::array().push(Json::object().set("filter", expression))));
}

}  // namespace

std::optional<ReportFigure> accuracy_figure(const Node& plan) {
  const std::string measured = "measured";
  const std::string recommended = "recommended";
  std::vector<Json> data;
  ReportTable table{{"experts kept", "", "accuracy", "low", "high", "samples"}, {}};
  for (const Node& point : items_at(plan, "accuracy_curve/points")) {
    if (data.size() < kMostPoints && number_at(point, "accuracy")) {
      data.push_back(point_of(point, measured));
      table.rows.push_back(cells_of(point, measured));
    }
  }
  if (data.empty()) {
    return std::nullopt;
  }
  const Node* chosen = at(plan, "recommendation");
  const bool marked = chosen != nullptr && number_at(*chosen, "accuracy").has_value();
  if (marked) {
    data.push_back(point_of(*chosen, recommended));
    table.rows.push_back(cells_of(*chosen, recommended));
  }
  const Json x = measure("experts", "experts kept per layer", "d");
  const auto y = [](const char* field) { return measure(field, "accuracy, %"); };
  const auto place = [&] { return Json::object().set("x", x).set("y", y("accuracy_percent")); };
  const Json about = hover({{"experts", "experts kept", "d"},
                            {"accuracy_percent", "accuracy, %", ".1f"},
                            {"low_percent", "low, %", ".1f"},
                            {"high_percent", "high, %", ".1f"}});
  const char* on_curve = "datum.kind === 'measured'";
  std::vector<Json> layers = {
      filtered(layer(mark("area").set("opacity", 0.2).set("color", kPalette[0]),
                     Json::object()
                         .set("x", x)
                         .set("y", y("low_percent"))
                         .set("y2", Json::object().set("field", "high_percent"))),
               on_curve),
      filtered(layer(mark("line").set("color", kPalette[0]), place()), on_curve),
      filtered(layer(mark("point").set("filled", true).set("size", 70).set("color", kPalette[0]),
                     place().set("tooltip", about)),
               on_curve)};
  if (marked) {
    layers.push_back(filtered(layer(mark("point")
                                        .set("shape", "diamond")
                                        .set("filled", true)
                                        .set("size", 160)
                                        .set("color", kPalette[3]),
                                    place().set("tooltip", about)),
                              "datum.kind === 'recommended'"));
    layers.push_back(filtered(
        layer(mark("text").set("align", "left").set("dx", 8).set("dy", 16).set("fontWeight", 600),
              place().set("text", channel("kind", "nominal", ""))),
        "datum.kind === 'recommended'"));
  }
  std::string caption = fmt::format(
      "{} of the pruned model, measured at the points; the band holds {} of the uncertainty.",
      text_at(plan, "accuracy_curve/metric"),
      digits_text(100.0 * number_at(plan, "accuracy_curve/confidence").value_or(0.95)) + " %");
  const auto unpruned = number_at(plan, "accuracy_curve/unpruned_accuracy");
  const auto loss = number_at(plan, "accuracy_curve/allowed_loss");
  if (unpruned && loss) {
    for (Json& each : rule_at("y", 100.0 * (*unpruned - *loss), "least that is allowed")) {
      layers.push_back(std::move(each));
    }
    caption += fmt::format(" The scenario allows {:.1f} points below the unpruned {}.",
                           100.0 * *loss, percent_text(unpruned));
  }
  return ReportFigure{"accuracy", "Accuracy against experts kept", caption,
                      layered(280, data, layers), table};
}

}  // namespace moeplan::sim
