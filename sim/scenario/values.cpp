#include "sim/scenario/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "models/text/json.hpp"
#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

constexpr const char* kSweptHint = "moeplan sweep evaluates every value of a list or range";

// Names of the keys directly below a section ("" = top level).
std::vector<std::string> children(const std::string& section) {
  const std::string prefix = section.empty() ? "" : section + ".";
  std::vector<std::string> names;
  for (const Field& field : scenario_fields()) {
    if (field.path.size() > prefix.size() && field.path.compare(0, prefix.size(), prefix) == 0) {
      const std::string name =
          field.path.substr(prefix.size(), field.path.find('.', prefix.size()) - prefix.size());
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    }
  }
  return names;
}

void read_scalar(text::Problems& problems, const Field& field, const text::Node& node,
                 const std::string& pointer, Value& value) {
  switch (field.type) {
    case FieldType::text:
      if (auto read = text::as_string(problems, node, pointer)) {
        value.texts.push_back(*read);
      }
      break;
    case FieldType::choice:
      if (auto read = text::as_choice(problems, node, pointer, field.choices)) {
        value.texts.push_back(*read);
      }
      break;
    case FieldType::count:
      if (std::find(field.choices.begin(), field.choices.end(), node.scalar) !=
          field.choices.end()) {
        value.texts.push_back(node.scalar);  // a word instead of a number
      } else if (auto read = text::as_count(problems, node, pointer, field.range)) {
        value.texts.push_back(node.scalar);
        value.numbers.push_back(static_cast<double>(*read));
      }
      break;
    case FieldType::number:
      if (auto read = text::as_number(problems, node, pointer, field.range)) {
        value.texts.push_back(node.scalar);
        value.numbers.push_back(*read);
      }
      break;
    case FieldType::quantity:
      if (auto read = text::as_quantity(problems, node, pointer, field.dim, field.range)) {
        value.texts.push_back(node.scalar);
        value.numbers.push_back(*read);
      }
      break;
    case FieldType::boolean:
      if (auto read = text::as_boolean(problems, node, pointer)) {
        value.texts.push_back(*read ? "true" : "false");
        value.numbers.push_back(*read ? 1.0 : 0.0);
      }
      break;
  }
}

// Where a key that is unknown here belongs, or the nearest known name: first in this section, then
// in the others.
std::string hint_for(const std::string& key, const std::string& section,
                     const std::vector<std::string>& names) {
  std::vector<std::string> elsewhere;  // last parts of paths, and the paths
  std::vector<std::string> paths;
  for (const Field& field : scenario_fields()) {
    elsewhere.push_back(field.path.substr(field.path.rfind('.') + 1));
    paths.push_back(field.path);
  }
  std::string here = did_you_mean(key, names);
  const std::string near = here.empty() ? nearest(key, elsewhere) : "";
  for (std::size_t i = 0; i < paths.size() && !near.empty(); ++i) {
    const std::string parent =
        paths[i].size() > near.size() ? paths[i].substr(0, paths[i].size() - near.size() - 1) : "";
    if (elsewhere[i] == near && parent != section) {
      return near == key ? fmt::format("'{}' belongs {}", key,
                                       parent.empty() ? "at the top level" : "under " + parent)
                         : fmt::format("did you mean '{}'?", paths[i]);
    }
  }
  return here;
}

void read_section(text::Problems& problems, const text::Node& node, const std::string& section,
                  std::map<std::string, Value>& values) {
  const std::vector<std::string> names = children(section);
  if (node.kind != text::Kind::map) {
    problems.add({.code = "E_TYPE",
                  .mark = node.mark,
                  .pointer = pointer_of(section),
                  .what = "this section is a map of keys",
                  .got = text::kind_name(node.kind),
                  .expected = "a map with keys " + joined(names)});
    return;
  }
  for (const text::Node::Entry& entry : node.entries) {
    const std::string path = section.empty() ? entry.key : section + "." + entry.key;
    if (std::find(names.begin(), names.end(), entry.key) == names.end()) {
      problems.add({.code = "E_UNKNOWN_KEY",
                    .mark = entry.mark,
                    .pointer = pointer_of(path),
                    .what = fmt::format("unknown key '{}'", entry.key),
                    .expected = "one of " + joined(names),
                    .fix = hint_for(entry.key, section, names)});
    } else if (const Field* field = find_field(path)) {
      Value value = read_value(problems, *field, entry.value);
      value.given = true;
      values[path] = std::move(value);
    } else {
      read_section(problems, entry.value, path, values);
    }
  }
}

void add_defaults(std::map<std::string, Value>& values) {
  for (const Field& field : scenario_fields()) {
    if (values.count(field.path) != 0 || field.fallback.empty()) {
      continue;
    }
    const std::string origin = "default of " + field.path;
    text::Problems none(origin);
    const text::Document document = text::parse_yaml("v: " + field.fallback + "\n", origin);
    values[field.path] = read_value(none, field, *document.root.find("v"));
    values[field.path].mark = {};
    require(none.empty(), "a default of the scenario field table does not parse");
  }
}

}  // namespace

const Field* find_field(const std::string& path) {
  for (const Field& field : scenario_fields()) {
    if (field.path == path) {
      return &field;
    }
  }
  return nullptr;
}

Value read_value(text::Problems& problems, const Field& field, const text::Node& node) {
  Value value;
  value.mark = node.mark;
  const std::string pointer = pointer_of(field.path);
  if (node.kind == text::Kind::map) {
    problems.add(
        {.code = "E_TYPE",
         .mark = node.mark,
         .pointer = pointer,
         .what = field.list ? "a value or a list of values belongs here" : "one value belongs here",
         .got = text::kind_name(node.kind),
         .expected = field.list ? "a value or a list" : "a single value",
         .fix = kSweptHint});
    return value;
  }
  if (node.kind != text::Kind::sequence) {
    read_scalar(problems, field, node, pointer, value);
    return value;
  }
  if (!field.list) {
    problems.add({.code = "E_TYPE",
                  .mark = node.mark,
                  .pointer = pointer,
                  .what = "one value belongs here",
                  .got = "a sequence",
                  .expected = "a single value",
                  .fix = kSweptHint});
    return value;
  }
  if (node.items.empty()) {
    problems.add({.code = "E_VALUE",
                  .mark = node.mark,
                  .pointer = pointer,
                  .what = "the list is empty",
                  .expected = "at least one value"});
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const std::size_t before = value.texts.size();
    value.item_marks.push_back(node.items[i].mark);
    read_scalar(problems, field, node.items[i], fmt::format("{}/{}", pointer, i), value);
    for (std::size_t j = 0; j < before && value.texts.size() > before && !field.repeats; ++j) {
      if (value.texts[j] == value.texts[before]) {
        problems.add({.code = "E_DUPLICATE",
                      .mark = node.items[i].mark,
                      .pointer = fmt::format("{}/{}", pointer, i),
                      .what = fmt::format("'{}' is in the list twice", value.texts[j]),
                      .expected = "each value once"});
        break;
      }
    }
  }
  return value;
}

std::string pointer_of(const std::string& path) {
  std::string pointer = path.empty() ? "" : "/" + path;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  return pointer;
}

ScenarioValues ScenarioValues::parse(const text::Document& document, text::Problems& problems) {
  ScenarioValues result;
  read_section(problems, document.root, "", result.values_);
  if (document.root.kind == text::Kind::map) {
    std::vector<std::string> unknown;
    std::vector<std::string> needed = required_sections();
    if (result.text("engine.regime") != "static_forward") {
      needed.insert(needed.end(), sections_of_serving().begin(), sections_of_serving().end());
    }
    for (const std::string& section : needed) {
      if (document.root.find(section) == nullptr) {
        problems.add({.code = "E_MISSING",
                      .mark = {1, 1},
                      .pointer = "/" + section,
                      .what = fmt::format("the section '{}' is missing", section),
                      .expected = "keys " + joined(children(section))});
      }
    }
    for (const Field& field : scenario_fields()) {
      const std::string section = field.path.substr(0, field.path.find('.'));
      const text::Node* node = document.root.find(section);
      if (field.required && node != nullptr && node->kind == text::Kind::map &&
          result.values_.count(field.path) == 0) {
        problems.add({.code = "E_MISSING",
                      .mark = node->mark,
                      .pointer = pointer_of(field.path),
                      .what = fmt::format("the key '{}' is missing", field.path),
                      .expected = field.doc});
      }
    }
  }
  add_defaults(result.values_);
  return result;
}

const Value* ScenarioValues::find(const std::string& path) const {
  const auto it = values_.find(path);
  if (it == values_.end()) {
    require(find_field(path) != nullptr, "this scenario path is not in the field table");
    return nullptr;
  }
  return &it->second;
}

bool ScenarioValues::has(const std::string& path) const {
  const Value* value = find(path);
  return value != nullptr && !value->texts.empty();
}

bool ScenarioValues::given(const std::string& path) const {
  const Value* value = find(path);
  return value != nullptr && value->given;
}

std::string ScenarioValues::text(const std::string& path) const {
  const Value* value = find(path);
  return value == nullptr || value->texts.empty() ? "" : value->texts.front();
}

std::vector<std::string> ScenarioValues::texts(const std::string& path) const {
  const Value* value = find(path);
  return value == nullptr ? std::vector<std::string>{} : value->texts;
}

double ScenarioValues::number(const std::string& path) const {
  const Value* value = find(path);
  return value == nullptr || value->numbers.empty() ? 0.0 : value->numbers.front();
}

std::int64_t ScenarioValues::count(const std::string& path) const {
  return static_cast<std::int64_t>(number(path));
}

std::vector<double> ScenarioValues::numbers(const std::string& path) const {
  const Value* value = find(path);
  return value == nullptr ? std::vector<double>{} : value->numbers;
}

std::vector<std::int64_t> ScenarioValues::counts(const std::string& path) const {
  std::vector<std::int64_t> result;
  for (const double number : numbers(path)) {
    result.push_back(static_cast<std::int64_t>(number));
  }
  return result;
}

Mark ScenarioValues::mark(const std::string& path) const {
  const Value* value = find(path);
  return value == nullptr ? Mark{} : value->mark;
}

Mark ScenarioValues::item_mark(const std::string& path, std::size_t item) const {
  const Value* value = find(path);
  return value != nullptr && item < value->item_marks.size() ? value->item_marks[item] : mark(path);
}

std::string ScenarioValues::item_pointer(const std::string& path, std::size_t item) const {
  const Value* value = find(path);
  const bool listed = value != nullptr && item < value->item_marks.size();
  return listed ? fmt::format("{}/{}", pointer_of(path), item) : pointer_of(path);
}

void ScenarioValues::override_count(const std::string& path, std::uint64_t number) {
  require(find_field(path) != nullptr, "this scenario path is not in the field table");
  values_[path] = {.texts = {std::to_string(number)}, .numbers = {static_cast<double>(number)}};
}

void ScenarioValues::set(const std::string& path, Value value) {
  require(find_field(path) != nullptr, "this scenario path is not in the field table");
  value.given = true;
  values_[path] = std::move(value);
}

std::string canonical_text(const Field& field, const Value& value) {
  const bool numeric = field.type != FieldType::text && field.type != FieldType::choice &&
                       value.numbers.size() == value.texts.size();
  if (field.list) {
    return (numeric ? text::Json(value.numbers) : text::Json(value.texts)).line();
  }
  return (numeric ? text::Json(value.numbers.front()) : text::Json(value.texts.front())).line();
}

std::string ScenarioValues::canonical() const {
  std::string out;
  for (const Field& field : scenario_fields()) {
    const auto it = values_.find(field.path);
    if (it != values_.end() && !it->second.texts.empty()) {
      out += field.path + ": " + canonical_text(field, it->second) + "\n";
    }
  }
  return out;
}

}  // namespace moeplan::sim
