#pragma once
// Rows of the field table by type of value (fields.cpp).

#include <string>
#include <utility>
#include <vector>

#include "sim/scenario/field.hpp"

namespace moeplan::sim {

inline Field text_field(std::string path, bool required, std::string fallback, std::string doc) {
  return {.path = std::move(path),
          .type = FieldType::text,
          .required = required,
          .fallback = std::move(fallback),
          .doc = std::move(doc)};
}

inline Field text_list(std::string path, bool required, std::string fallback, std::string doc) {
  Field field = text_field(std::move(path), required, std::move(fallback), std::move(doc));
  field.list = true;
  return field;
}

inline Field choice_field(std::string path, std::vector<std::string> choices, std::string fallback,
                          std::string doc) {
  return {.path = std::move(path),
          .type = FieldType::choice,
          .fallback = std::move(fallback),
          .choices = std::move(choices),
          .doc = std::move(doc)};
}

inline Field choice_list(std::string path, std::vector<std::string> choices, std::string fallback,
                         std::string doc) {
  Field field =
      choice_field(std::move(path), std::move(choices), std::move(fallback), std::move(doc));
  field.list = true;
  return field;
}

inline Field count_field(std::string path, std::string fallback, double low, double high,
                         std::string doc) {
  return {.path = std::move(path),
          .type = FieldType::count,
          .fallback = std::move(fallback),
          .range = {.low = low, .high = high},
          .doc = std::move(doc)};
}

inline Field count_list(std::string path, std::string fallback, double low, double high,
                        std::string doc) {
  Field field = count_field(std::move(path), std::move(fallback), low, high, std::move(doc));
  field.list = true;
  return field;
}

inline Field number_field(std::string path, std::string fallback, const text::Range& range,
                          std::string doc) {
  return {.path = std::move(path),
          .type = FieldType::number,
          .fallback = std::move(fallback),
          .range = range,
          .doc = std::move(doc)};
}

inline Field quantity_field(std::string path, const Dim& dim, std::string fallback,
                            const text::Range& range, std::string doc) {
  return {.path = std::move(path),
          .type = FieldType::quantity,
          .fallback = std::move(fallback),
          .dim = dim,
          .range = range,
          .doc = std::move(doc)};
}

inline Field boolean_field(std::string path, std::string fallback, std::string doc) {
  return {.path = std::move(path),
          .type = FieldType::boolean,
          .fallback = std::move(fallback),
          .doc = std::move(doc)};
}

}  // namespace moeplan::sim
