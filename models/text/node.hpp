#pragma once
// Node: one located value of a YAML or JSON file. Both readers make the same tree, so that
// everything above (Reader) is written once. Immutable after parsing.

#include <string>
#include <utility>
#include <vector>

#include "models/text/input_error.hpp"

namespace moeplan::text {

enum class Kind { null, boolean, number, string, ambiguous, sequence, map };

// "null", "a boolean", "a number", ...
const char* kind_name(Kind kind);

struct Node {
  Kind kind = Kind::null;
  // The scalar as written (strings unescaped). `ambiguous` are plain YAML scalars that two YAML
  // versions read differently (yes, no, on, off, 0o12, 012, 1_000, .inf, .nan): always an error.
  std::string scalar;
  Mark mark;
  struct Entry;
  std::vector<Node> items;     // of a sequence
  std::vector<Entry> entries;  // of a map, in file order, keys unique

  // The entry's value or nullptr.
  const Node* find(const std::string& key) const;
};

struct Node::Entry {
  std::string key;
  Mark mark;
  Node value;
};

struct Document {
  std::string file;  // as the user named it
  Node root;
};

}  // namespace moeplan::text
