#pragma once
// Json: a value to be written. Object keys keep their order; doubles are written as the shortest
// text that reads back the same; NaN and infinity are bugs (std::logic_error), never written.

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "models/units/require.hpp"

namespace moeplan::text {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Json(T value) : value_(static_cast<std::int64_t>(value)) {
    require(std::in_range<std::int64_t>(value), "an integer for JSON must fit into 64 bits");
  }
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  template <class T>
  Json(const std::optional<T>& value) : Json(value ? Json(*value) : Json()) {}
  template <class T>
  Json(const std::vector<T>& items) : value_(Array{}) {
    for (const T& item : items) {
      push(Json(item));
    }
  }
  static Json array() { return Json(Array{}, 0); }
  static Json object() { return Json(Object{}, 0); }

  Json& set(std::string key, Json value);  // object only; returns *this
  Json& push(Json value);                  // array only; returns *this
  Json& merge(const Json& other);          // objects only: sets every key of other

  // One line, or with two spaces of indentation and a final line break.
  std::string line() const;
  std::string pretty() const;

 private:
  template <class T>
  Json(T value, int) : value_(std::move(value)) {}
  void write(std::string& out, int indent, int depth) const;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

}  // namespace moeplan::text
