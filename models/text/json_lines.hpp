#pragma once
// JsonLines: the objects of a JSON-lines file, one a line, one after the other. Empty lines are
// allowed at the end only.

#include "models/text/line_reader.hpp"
#include "models/text/node.hpp"

namespace moeplan::text {

class JsonLines {
 public:
  // The line that `lines` stands on is the first row.
  explicit JsonLines(LineReader& lines) : lines_(&lines) {}

  // Moves to the next row; false after the last. Throws: InputError as parse_json, with the line of
  // the file; E_TYPE for a value that is not an object.
  bool next();
  const Node& row() const { return document_.root; }
  int line() const { return lines_->number(); }
  const std::string& file() const { return lines_->file(); }

 private:
  LineReader* lines_;
  bool first_ = true;
  Document document_;
};

}  // namespace moeplan::text
