#pragma once
// Private to models/text: one line of CSV into cells, as RFC 4180 without line breaks in quotes.

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace moeplan::text {

struct CsvCells {
  std::vector<std::string_view> cells;  // of the line, or of `unquoted`
  std::deque<std::string> unquoted;     // cells that were in quotes
  void clear() {
    cells.clear();
    unquoted.clear();
  }
};

// Appends the cells of one line; returns how many. The line must outlive the cells.
// Throws: InputError E_SYNTAX for quotes that are not closed, inside a cell, or followed by text.
std::size_t split_cells(std::string_view line, const std::string& file, int number, CsvCells& into);

// Throws: InputError for a column without a name or a name that is there twice.
void check_header(const std::vector<std::string>& columns, const std::string& file, int line);

// Throws: InputError E_SYNTAX: a row has `cells` cells where the header has `wanted`.
[[noreturn]] void ragged_row(const std::string& file, int line, std::string_view row,
                             std::size_t cells, std::size_t wanted);

// Throws: InputError E_MISSING: no column of this name, with the columns there are.
[[noreturn]] void missing_column(const std::string& file, int line, const std::string& name,
                                 const std::vector<std::string>& columns);

// Throws: InputError for a cell with a wrong value; hints at decimal commas.
[[noreturn]] void wrong_cell(const std::string& file, int line, const std::string& column,
                             std::string_view cell, const std::string& code,
                             const std::string& expected, const std::string& fix = "");

}  // namespace moeplan::text
