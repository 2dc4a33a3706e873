#include "models/text/node.hpp"

namespace moeplan::text {

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "a boolean";
    case Kind::number:
      return "a number";
    case Kind::string:
      return "a string";
    case Kind::ambiguous:
      return "an ambiguous scalar";
    case Kind::sequence:
      return "a sequence";
    case Kind::map:
      return "a map";
  }
  return "an unknown kind";
}

const Node* Node::find(const std::string& key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) {
      return &entry.value;
    }
  }
  return nullptr;
}

}  // namespace moeplan::text
