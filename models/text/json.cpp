#include "models/text/json.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "models/text/encoding.hpp"
#include "models/units/require.hpp"

namespace moeplan::text {
namespace {

// Valid JSON and again a double when read back: 3.0, not 3.
void write_double(std::string& out, double value) {
  require(std::isfinite(value), "a NaN or infinity must not be written to JSON");
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) {
    out += ".0";
  }
}

void write_string(std::string& out, const std::string& text) {
  require(first_invalid_utf8(text) == std::string::npos,
          "text written to JSON must be valid UTF-8");
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void line_break(std::string& out, int indent, int depth) {
  if (indent > 0) {
    out += '\n';
    out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(depth), ' ');
  }
}

}  // namespace

Json& Json::set(std::string key, Json value) {
  auto* object = std::get_if<Object>(&value_);
  require(object != nullptr, "Json::set needs an object");
  for (auto& [name, old] : *object) {
    if (name == key) {
      old = std::move(value);
      return *this;
    }
  }
  object->emplace_back(std::move(key), std::move(value));
  return *this;
}

Json& Json::merge(const Json& other) {
  const auto* object = std::get_if<Object>(&other.value_);
  require(object != nullptr, "Json::merge needs an object");
  for (const auto& [name, value] : *object) {
    set(name, value);
  }
  return *this;
}

Json& Json::push(Json value) {
  auto* array = std::get_if<Array>(&value_);
  require(array != nullptr, "Json::push needs an array");
  array->push_back(std::move(value));
  return *this;
}

std::string Json::line() const {
  std::string out;
  write(out, 0, 0);
  return out;
}

std::string Json::pretty() const {
  std::string out;
  write(out, 2, 0);
  out += '\n';
  return out;
}

void Json::write(std::string& out, int indent, int depth) const {
  if (std::holds_alternative<std::monostate>(value_)) {
    out += "null";
  } else if (const auto* boolean = std::get_if<bool>(&value_)) {
    out += *boolean ? "true" : "false";
  } else if (const auto* integer = std::get_if<std::int64_t>(&value_)) {
    out += std::to_string(*integer);
  } else if (const auto* number = std::get_if<double>(&value_)) {
    write_double(out, *number);
  } else if (const auto* text = std::get_if<std::string>(&value_)) {
    write_string(out, *text);
  } else if (const auto* array = std::get_if<Array>(&value_)) {
    out += '[';
    for (std::size_t i = 0; i < array->size(); ++i) {
      out += i == 0 ? "" : indent > 0 ? "," : ", ";
      line_break(out, indent, depth + 1);
      (*array)[i].write(out, indent, depth + 1);
    }
    if (!array->empty()) {
      line_break(out, indent, depth);
    }
    out += ']';
  } else {
    const auto& object = std::get<Object>(value_);
    out += '{';
    for (std::size_t i = 0; i < object.size(); ++i) {
      out += i == 0 ? "" : indent > 0 ? "," : ", ";
      line_break(out, indent, depth + 1);
      write_string(out, object[i].first);
      out += ": ";
      object[i].second.write(out, indent, depth + 1);
    }
    if (!object.empty()) {
      line_break(out, indent, depth);
    }
    out += '}';
  }
}

}  // namespace moeplan::text
