#pragma once
// CsvStream: the rows of a CSV file with a header, one after the other; the same rules as CsvTable.
// Empty lines are allowed at the end only.
//
//   LineReader lines(path);
//   lines.next();             // the header
//   CsvStream rows(lines);
//   while (rows.next()) use(rows.count(rows.column("tokens")));

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/csv_cells.hpp"
#include "models/text/line_reader.hpp"
#include "models/text/reader.hpp"

namespace moeplan::text {

class CsvStream {
 public:
  // The line that `lines` stands on is the header. Throws: InputError as CsvTable.
  explicit CsvStream(LineReader& lines);

  const std::vector<std::string>& columns() const { return columns_; }
  std::optional<std::size_t> find(std::string_view name) const;
  // Throws: InputError E_MISSING naming the columns that are there.
  std::size_t column(const std::string& name) const;

  // Moves to the next row; false after the last. Throws: InputError for ragged rows, empty lines.
  bool next();
  int line() const { return lines_->number(); }
  std::string_view cell(std::size_t column) const { return row_.cells[column]; }
  // Throws: InputError E_TYPE, E_OVERFLOW, E_RANGE with file:line and the column's name.
  std::int64_t count(std::size_t column, const Range& range = kNonNegative) const;
  [[noreturn]] void fail(std::size_t column, const std::string& code, const std::string& expected,
                         const std::string& fix = "") const;

 private:
  LineReader* lines_;
  int header_line_;
  std::vector<std::string> columns_;
  CsvCells row_;
};

}  // namespace moeplan::text
