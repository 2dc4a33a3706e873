#pragma once
// Values of a JSON that the program printed, by key; a missing key throws and so fails the test.

#include <stdexcept>
#include <string>

#include "models/text/node.hpp"
#include "models/units/parse.hpp"

namespace moeplan::tests {

inline const text::Node& at(const text::Node& node, const std::string& key) {
  const text::Node* found = node.find(key);
  if (found == nullptr) {
    throw std::runtime_error("no key " + key);
  }
  return *found;
}

inline double number(const text::Node& node, const std::string& key) {
  return parse_number(at(node, key).scalar).value();
}

}  // namespace moeplan::tests
