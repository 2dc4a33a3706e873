#pragma once
// TextTable: the same rows as aligned columns for a terminal or as a Markdown table.

#include <string>
#include <vector>

namespace moeplan::sim {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : header_(std::move(header)) {}
  // As many cells as the header has. Throws: std::logic_error otherwise.
  void add(std::vector<std::string> row);
  bool empty() const { return rows_.empty(); }

  // Columns padded to their widest cell, the first one left-aligned, the others right-aligned.
  std::string aligned() const;
  // GitHub-flavoured Markdown; `|` in cells is escaped.
  std::string markdown() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace moeplan::sim
