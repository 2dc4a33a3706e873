#include "sim/report/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/text/json.hpp"
#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "sim/report/text_table.hpp"
#include "sim/scenario/field.hpp"

namespace moeplan::sim {
namespace {

using text::Json;

std::string type_text(const Field& field) {
  std::string text;
  switch (field.type) {
    case FieldType::text:
      text = "text";
      break;
    case FieldType::choice:
      text = joined(field.choices);
      break;
    case FieldType::count:
      text = (field.choices.empty() ? "" : joined(field.choices) + "; ") + "whole number " +
             field.range.text();
      break;
    case FieldType::number:
      text = "number " + field.range.text();
      break;
    case FieldType::quantity:
      text = "number and unit (" + valid_units(field.dim) + ")";
      break;
    case FieldType::boolean:
      text = "true, false";
      break;
  }
  return field.list ? text + "; or a list" : text;
}

Json bounds(Json schema, const text::Range& range) {
  if (std::isfinite(range.low)) {
    schema.set(range.low_open ? "exclusiveMinimum" : "minimum", range.low);
  }
  if (std::isfinite(range.high)) {
    schema.set(range.high_open ? "exclusiveMaximum" : "maximum", range.high);
  }
  return schema;
}

Json scalar_schema(const Field& field) {
  switch (field.type) {
    case FieldType::text:
      return Json::object().set("type", "string");
    case FieldType::choice:
      return Json::object().set("enum", field.choices);
    case FieldType::count: {
      Json number = bounds(Json::object().set("type", "integer"), field.range);
      if (field.choices.empty()) {
        return number;
      }
      return Json::object().set(
          "anyOf",
          Json::array().push(std::move(number)).push(Json::object().set("enum", field.choices)));
    }
    case FieldType::number:
      return bounds(Json::object().set("type", "number"), field.range);
    case FieldType::quantity:
      return Json::object()
          .set("type", "string")
          .set("pattern", "^[+-]?[0-9.]+([eE][+-]?[0-9]+)? ?[A-Za-z]+(/[A-Za-z]+)?$");
    case FieldType::boolean:
      return Json::object().set("type", "boolean");
  }
  return {};
}

Json list_of(const Json& items) {
  return Json::object().set("type", "array").set("items", items).set("minItems", 1);
}

Json ref(const char* definition) {
  return Json::object().set("$ref", std::string("#/definitions/") + definition);
}

// What a sweep may vary, for any key: {each: [...]}, and {from, to, step or points, scale}.
Json sweep_definitions() {
  const auto object = [](Json properties, const std::vector<std::string>& required) {
    return Json::object()
        .set("type", "object")
        .set("additionalProperties", false)
        .set("properties", std::move(properties))
        .set("required", required)
        .set("description", "For moeplan sweep: a point for every value.");
  };
  const Json end = Json::object().set("type", std::vector<std::string>{"number", "string"});
  return Json::object()
      .set("each", object(Json::object().set(
                              "each", Json::object().set("type", "array").set("minItems", 1)),
                          {"each"}))
      .set("range",
           object(Json::object()
                      .set("from", end)
                      .set("to", end)
                      .set("step", end)
                      .set("points", Json::object().set("type", "integer").set("minimum", 2))
                      .set("scale",
                           Json::object().set("enum", std::vector<std::string>{"linear", "log"})),
                  {"from", "to"}));
}

// A value, a list of values (candidates where a key takes lists, points of a sweep elsewhere), or
// what else a sweep varies.
Json field_schema(const Field& field) {
  const Json scalar = scalar_schema(field);
  Json ways = Json::array().push(scalar).push(list_of(scalar)).push(ref("each"));
  if (field.type == FieldType::count || field.type == FieldType::number ||
      field.type == FieldType::quantity) {
    ways.push(ref("range"));
  }
  Json schema = Json::object().set("anyOf", std::move(ways));
  std::string doc = field.doc;
  if (field.type == FieldType::quantity) {
    doc += " Units: " + valid_units(field.dim) + ".";
  }
  if (!field.fallback.empty()) {
    doc += " Default: " + field.fallback + ".";
  }
  return schema.set("description", doc);
}

// The map of keys below a section ("" = the whole file).
Json section_schema(const std::string& section) {
  const std::string prefix = section.empty() ? "" : section + ".";
  Json properties = Json::object();
  std::vector<std::string> required =
      section.empty() ? required_sections() : std::vector<std::string>{};
  std::vector<std::string> seen;
  for (const Field& field : scenario_fields()) {
    if (field.path.compare(0, prefix.size(), prefix) != 0) {
      continue;
    }
    const std::string rest = field.path.substr(prefix.size());
    const std::string name = rest.substr(0, rest.find('.'));
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      continue;
    }
    seen.push_back(name);
    if (rest == name) {
      properties.set(name, field_schema(field));
      if (field.required) {
        required.push_back(name);
      }
    } else {
      properties.set(name, section_schema(prefix + name));
    }
  }
  Json schema = Json::object()
                    .set("type", "object")
                    .set("additionalProperties", false)
                    .set("properties", properties);
  if (!required.empty()) {
    schema.set("required", required);
  }
  return schema;
}

}  // namespace

std::string scenario_schema() {
  Json schema = Json::object()
                    .set("$schema", "http://json-schema.org/draft-07/schema#")
                    .set("title", "moeplan scenario");
  Json body = section_schema("");
  const Json is_static =
      Json::object()
          .set("properties",
               Json::object().set(
                   "engine", Json::object()
                                 .set("properties",
                                      Json::object().set(
                                          "regime", Json::object().set("const", "static_forward")))
                                 .set("required", std::vector<std::string>{"regime"})))
          .set("required", std::vector<std::string>{"engine"});
  body.set("definitions", sweep_definitions());
  body.set("if", is_static).set("else", Json::object().set("required", sections_of_serving()));
  return schema.merge(body).pretty();
}

std::string scenario_field_table() {
  TextTable table({"key", "value", "default", "meaning"});
  for (const Field& field : scenario_fields()) {
    const std::string section = field.path.substr(0, field.path.find('.'));
    const auto is_in = [&](const std::vector<std::string>& sections) {
      return std::find(sections.begin(), sections.end(), section) != sections.end();
    };
    const bool section_required = is_in(required_sections()) || is_in(sections_of_serving());
    const std::string fallback = !field.fallback.empty()              ? "`" + field.fallback + "`"
                                 : field.required && section_required ? "required"
                                 : field.required                     ? "required in its section"
                                                                      : "-";
    table.add({"`" + field.path + "`", type_text(field), fallback, field.doc});
  }
  return table.markdown();
}

}  // namespace moeplan::sim
