#pragma once
// CSV with a header row: located cells, ragged rows and missing columns are errors. Comma
// separated, quotes as RFC 4180 (no line break inside quotes), LF or CRLF.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/reader.hpp"

namespace moeplan::text {

class CsvTable {
 public:
  // Throws: InputError for wrong files (as read_file), an empty header, duplicate column names,
  // ragged rows, line breaks inside quotes.
  static CsvTable load(const std::filesystem::path& path);
  static CsvTable parse(const std::string& content, const std::string& file);

  const std::string& file() const { return file_; }
  const std::vector<std::string>& columns() const { return columns_; }
  bool has(const std::string& column) const;
  std::size_t rows() const { return cells_.size() / columns_.size(); }

  // Column index. Throws: InputError E_MISSING naming the columns that are there.
  std::size_t column(const std::string& name) const;
  const std::string& cell(std::size_t row, std::size_t column) const;
  // Throws: InputError with file:line and column name when the cell is not a finite number /
  // a whole number, or outside the range.
  double number(std::size_t row, std::size_t column, const Range& range = kAny) const;
  std::int64_t count(std::size_t row, std::size_t column, const Range& range = kNonNegative) const;
  // 1-based line of a row in the file.
  int line(std::size_t row) const { return lines_[row]; }

 private:
  [[noreturn]] void fail(std::size_t row, std::size_t column, const std::string& code,
                         const std::string& expected) const;
  std::string file_;
  std::vector<std::string> columns_;
  std::vector<std::string> cells_;  // [rows x columns]
  std::vector<int> lines_;
};

}  // namespace moeplan::text
