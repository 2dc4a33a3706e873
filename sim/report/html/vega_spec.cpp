#include "sim/report/html/vega_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/units/parse.hpp"

namespace moeplan::sim {

using text::Json;

Json channel(const std::string& field, const char* type, const std::string& title) {
  return Json::object()
      .set("field", field)
      .set("type", type)
      .set("title", title.empty() ? Json() : Json(title));
}

Json measure(const std::string& field, const std::string& title, const char* format) {
  Json result = channel(field, "quantitative", title);
  result.set("scale", Json::object().set("zero", false).set("nice", true).set("padding", 12));
  if (*format != '\0') {
    result.set("axis", Json::object().set("format", format));
  }
  return result;
}

namespace {

// Of a legend: as many as fit into a line, by the width of letters and symbols in pixels.
int columns_for(const std::vector<std::string>& names) {
  constexpr std::size_t kLetter = 7;
  constexpr std::size_t kSymbol = 28;
  constexpr std::size_t kLine = 700;
  std::size_t longest = 1;
  for (const std::string& name : names) {
    longest = std::max(longest, name.size());
  }
  const std::size_t fit = kLine / (kLetter * longest + kSymbol);
  return static_cast<int>(std::clamp<std::size_t>(fit, 1, 8));
}

}  // namespace

Json colors(const std::string& field, const std::string& title,
            const std::vector<std::string>& names) {
  Json range = Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    range.push(kPalette[i % kPalette.size()]);
  }
  return channel(field, "nominal", title)
      .set("scale", Json::object().set("domain", names).set("range", range))
      .set("legend", Json::object()
                         .set("orient", "top")
                         .set("columns", columns_for(names))
                         .set("labelLimit", 300));
}

Json hover(const std::vector<Hover>& fields) {
  Json all = Json::array();
  for (const Hover& each : fields) {
    const bool text = *each.format == '\0';
    Json one = channel(each.field, text ? "nominal" : "quantitative", each.title);
    if (!text) {
      one.set("format", each.format);
    }
    all.push(std::move(one));
  }
  return all;
}

Json layer(Json mark, Json encoding) {
  return Json::object().set("mark", std::move(mark)).set("encoding", std::move(encoding));
}

Json mark(const char* type) { return Json::object().set("type", type); }

std::vector<Json> rule_at(const char* axis, double value, const std::string& text) {
  const bool vertical = *axis == 'x';
  const Json datum = Json::object().set("datum", value).set("type", "quantitative");
  Json label = mark("text").set("fontStyle", "italic");
  Json place = Json::object().set(axis, datum);
  if (vertical) {
    label.set("align", "right").set("baseline", "bottom").set("dx", -5).set("dy", -5);
    place.set("y", Json::object().set("value", "height"));
  } else {
    label.set("align", "right").set("baseline", "bottom").set("dy", -3);
    place.set("x", Json::object().set("value", "width"));
  }
  // One row of its own: otherwise the mark is drawn once per row of the figure.
  const Json one =
      Json::object().set("values", Json::array().push(Json::object().set("at", value)));
  place.set("text", Json::object().set("value", text));
  return {
      layer(mark("rule").set("strokeDash", std::vector<int>{5, 4}), Json::object().set(axis, datum))
          .set("data", one),
      layer(std::move(label), std::move(place)).set("data", one)};
}

Json layered(int height, const std::vector<Json>& layers) {
  return Json::object()
      .set("width", kFigureWidth)
      .set("height", height)
      .set("autosize", Json::object().set("type", "fit-x").set("contains", "padding"))
      .set("layer", layers);
}

Json layered(int height, const std::vector<Json>& rows, const std::vector<Json>& layers) {
  return layered(height, layers).set("data", Json::object().set("values", rows));
}

std::string digits_text(const std::optional<double>& value) {
  if (!value) {
    return "-";
  }
  const double size = std::abs(*value);
  if (size == 0.0 || (size >= 1e-4 && size < 1000.0)) {
    return fmt::format("{:.4g}", *value);
  }
  return size >= 1000.0 && size < 1e15 ? fmt::format("{:.0f}", *value)
                                       : fmt::format("{:.3e}", *value);
}

std::string percent_text(const std::optional<double>& fraction) {
  return fraction ? fmt::format("{:.1f} %", 100.0 * *fraction) : "-";
}

std::string duration_text(const std::optional<double>& seconds) {
  return seconds ? to_text(Seconds(*seconds)) : "-";
}

std::string bytes_text(const std::optional<double>& bytes) {
  return bytes ? to_text(Bytes(*bytes)) : "-";
}

std::string whole_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.0f}", *value) : "-";
}

}  // namespace moeplan::sim
