#include "models/checkpoint/config_json.hpp"

#include <charconv>
#include <cstdint>

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

text::Json number(const std::string& scalar) {
  const char* end = scalar.data() + scalar.size();
  std::int64_t whole = 0;
  if (const auto read = std::from_chars(scalar.data(), end, whole);
      read.ec == std::errc() && read.ptr == end) {
    return whole;
  }
  double value = 0.0;
  const auto read = std::from_chars(scalar.data(), end, value);
  require(read.ec == std::errc() && read.ptr == end, "a JSON number is a number");
  return value;
}

text::Json copied(const text::Node& node, const std::map<std::string, text::Json>& replaced,
                  bool replacing) {
  switch (node.kind) {
    case text::Kind::null:
      return {};
    case text::Kind::boolean:
      return node.scalar == "true";
    case text::Kind::number:
      return number(node.scalar);
    case text::Kind::sequence: {
      text::Json items = text::Json::array();
      for (const text::Node& item : node.items) {
        items.push(copied(item, replaced, false));
      }
      return items;
    }
    case text::Kind::map: {
      text::Json map = text::Json::object();
      for (const text::Node::Entry& entry : node.entries) {
        const auto change = replacing ? replaced.find(entry.key) : replaced.end();
        map.set(entry.key,
                change != replaced.end()
                    ? change->second
                    : copied(entry.value, replaced, replacing && entry.key == "text_config"));
      }
      return map;
    }
    default:
      return node.scalar;
  }
}

}  // namespace

text::Json rewritten_config(const text::Document& config,
                            const std::map<std::string, text::Json>& replaced,
                            const std::map<std::string, text::Json>& added) {
  text::Json result = copied(config.root, replaced, true);
  for (const auto& [key, value] : added) {
    result.set(key, value);
  }
  return result;
}

}  // namespace moeplan::models
