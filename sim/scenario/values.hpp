#pragma once
// ScenarioValues: a scenario file checked against the field table, every default filled in; still
// untyped. scenario.cpp makes the typed Scenario from it, effective_values.cpp what --print-config
// says.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/text/reader.hpp"
#include "sim/scenario/field.hpp"

namespace moeplan::sim {

struct Value {
  std::vector<std::string> texts;  // text, choice: the strings; other types: as written
  std::vector<double> numbers;     // count, number, quantity (base units), boolean (0 or 1)
  bool given = false;              // in the file (else the default)
  Mark mark;                       // in the file
  std::vector<Mark> item_marks;    // of a sequence's items
};

class ScenarioValues {
 public:
  // Checks the document against `fields`: unknown and missing keys, types, units, ranges, choices.
  // All problems go to `problems`.
  static ScenarioValues parse(const text::Document& document, text::Problems& problems);

  // Present in the file or defaulted. The path must be in the table (else std::logic_error).
  bool has(const std::string& path) const;
  bool given(const std::string& path) const;
  std::string text(const std::string& path) const;  // "" when absent
  std::vector<std::string> texts(const std::string& path) const;
  double number(const std::string& path) const;  // 0 when absent
  std::int64_t count(const std::string& path) const;
  std::vector<std::int64_t> counts(const std::string& path) const;
  std::vector<double> numbers(const std::string& path) const;
  Mark mark(const std::string& path) const;  // of the value, or {} when absent
  // Of one item of a list: its mark and JSON pointer. A single value is its own item.
  Mark item_mark(const std::string& path, std::size_t item) const;
  std::string item_pointer(const std::string& path, std::size_t item) const;

  // What the command line says instead of the file.
  void override_count(const std::string& path, std::uint64_t value);

  // The same for a checked value (read_value) that a sweep takes instead.
  void set(const std::string& path, Value value);

  // Every value, given or by default, one a line in the order of the field table, numbers in base
  // units: equal for scenarios that mean the same, however they are written.
  std::string canonical() const;

 private:
  const Value* find(const std::string& path) const;
  std::map<std::string, Value> values_;
};

// The row of the field table; nullptr for a path that is not a key (a section, or nothing).
const Field* find_field(const std::string& path);

// A value of one key, checked against its field. Problems go to `problems`.
Value read_value(text::Problems& problems, const Field& field, const text::Node& node);

// A value as JSON, numbers in base units. Equal for values that are equal, however written.
std::string canonical_text(const Field& field, const Value& value);

// "/workload/rate" for "workload.rate".
std::string pointer_of(const std::string& path);

}  // namespace moeplan::sim
