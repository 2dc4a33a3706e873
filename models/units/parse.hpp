#pragma once
// Text <-> quantity: "400 GB/s" -> BytesPerSecond and back. A bare number is an error where a unit
// belongs, also 0. GB = 1e9 B, GiB = 2^30 B; bits only as the word (Gbit/s); minutes only "min".

#include <optional>
#include <string>
#include <string_view>

#include "models/units/quantity.hpp"

namespace moeplan {

struct ParsedQuantity {
  double value = 0.0;   // SI base units of the wanted dimension
  std::string problem;  // empty when the text was understood
};

// Reads "NUMBER UNIT" with the wanted dimension; never throws. The problem names the valid units.
ParsedQuantity parse_quantity(std::string_view text, const Dim& wanted);

template <Dim D>
std::optional<Quantity<D>> parse(std::string_view text) {
  ParsedQuantity parsed = parse_quantity(text, D);
  if (!parsed.problem.empty()) {
    return std::nullopt;
  }
  return Quantity<D>(parsed.value);
}

// "ps, ns, us, ms, s, min, h, d" for kTime and so on; for error messages and the schema.
std::string valid_units(const Dim& dim);

// A plain finite decimal number; nullopt for anything else (also inf, nan, hex, 1e999).
std::optional<double> parse_number(std::string_view text);

// For people: three significant digits and a unit that fits ("12.3 ms", "1.40 GiB", "2.50 USD/h").
std::string to_text(Seconds value);
std::string to_text(Bytes value);
std::string to_text(BytesPerSecond value);
std::string to_text(FlopsPerSecond value);
std::string to_text(UsdPerSecond value);

}  // namespace moeplan
