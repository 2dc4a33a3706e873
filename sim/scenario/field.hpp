#pragma once
// Field: one key of a scenario. The table of all fields (fields.cpp) is the only description of
// the format: the parser, the JSON Schema, the table in scenarios/README.md and --print-config are
// all made from it, so they cannot drift apart.

#include <string>
#include <vector>

#include "models/text/reader.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::sim {

enum class FieldType { text, choice, count, number, quantity, boolean };

struct Field {
  std::string path;  // "workload.input_tokens.median"
  FieldType type = FieldType::text;
  bool required = false;
  bool list = false;     // a value or a list of values
  bool repeats = false;  // the list may hold a value twice (it is a series, not a choice)
  std::string fallback;  // as it would be written; "" = no default
  std::vector<std::string>
      choices;          // of FieldType::choice; for count: words allowed beside numbers
  Dim dim{};            // of FieldType::quantity
  text::Range range{};  // base units
  std::string doc;      // one sentence
};

// All fields in the order of the documentation. Sections are the path prefixes.
const std::vector<Field>& scenario_fields();

// Sections that must be present (interface.md).
const std::vector<std::string>& required_sections();
// Those that engine.regime: serving needs too.
const std::vector<std::string>& sections_of_serving();
// Keys that only engine.regime: static_forward reads.
const std::vector<std::string>& fields_of_static_forward();

}  // namespace moeplan::sim
