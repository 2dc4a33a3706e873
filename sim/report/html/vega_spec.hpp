#pragma once
// Parts of Vega-Lite specs. Specs carry data and meaning; inks, fonts and the dark page are the
// page's (page.js), so that a saved spec can be restyled. No string of a user is ever a field name
// or an expression: data values and titles only.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "models/text/json.hpp"

namespace moeplan::sim {

// Okabe and Ito's colours, the blue a little lighter: told apart by colour-blind readers, on white
// and on dark alike.
inline constexpr std::array<const char*, 8> kPalette = {"#1b7fc0", "#e69f00", "#009e73", "#d55e00",
                                                        "#cc79a7", "#56b4e9", "#8c8c8c", "#b8a500"};

// Of a whole figure, labels and legends included: what the page gives it.
inline constexpr int kFigureWidth = 800;

// {field, type, title}; type: "quantitative", "nominal", "ordinal". An empty title: none is shown.
text::Json channel(const std::string& field, const char* type, const std::string& title);

// A channel whose scale need not begin at 0, with an axis format of d3 ("" = the default).
text::Json measure(const std::string& field, const std::string& title, const char* format = "");

// A channel that colours these names, in this order, by the palette.
text::Json colors(const std::string& field, const std::string& title,
                  const std::vector<std::string>& names);

// What hovering shows: fields with titles and formats of d3 ("" for texts).
struct Hover {
  const char* field;
  const char* title;
  const char* format;
};
text::Json hover(const std::vector<Hover>& fields);

// {mark, encoding}.
text::Json layer(text::Json mark, text::Json encoding);
// {type: ...}, to which marks add what they need.
text::Json mark(const char* type);

// A rule at a constant value of channel "x" or "y", dashed, and its text beside it.
std::vector<text::Json> rule_at(const char* axis, double value, const std::string& text);

// A spec of layers, each with its own rows; over one list of rows.
text::Json layered(int height, const std::vector<text::Json>& layers);
text::Json layered(int height, const std::vector<text::Json>& rows,
                   const std::vector<text::Json>& layers);

// "4.65", "80360", "-": four digits, never an exponent below 10^15.
std::string digits_text(const std::optional<double>& value);
// A fraction as percent; a span in seconds, and bytes, with the unit that suits.
std::string percent_text(const std::optional<double>& fraction);
std::string duration_text(const std::optional<double>& seconds);
std::string bytes_text(const std::optional<double>& bytes);
std::string whole_text(const std::optional<double>& value);  // 80358

}  // namespace moeplan::sim
