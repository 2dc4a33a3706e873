#include "models/text/csv.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/csv_cells.hpp"
#include "models/text/encoding.hpp"
#include "models/text/load.hpp"
#include "models/text/whole_number.hpp"
#include "models/units/parse.hpp"
#include "models/units/require.hpp"

namespace moeplan::text {
namespace {

constexpr std::size_t kMaxCells = 16'000'000;

}  // namespace

CsvTable CsvTable::load(const std::filesystem::path& path) {
  return parse(read_file(path), path.string());
}

CsvTable CsvTable::parse(const std::string& content, const std::string& file) {
  check_encoding(content, file);
  check_controls(content, file);
  CsvTable table;
  table.file_ = file;
  int number = 0;
  CsvCells row;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    std::string_view line = std::string_view(content).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (!line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
    if (number == 1) {
      if (line.empty()) {
        throw InputError({.code = "E_SYNTAX",
                          .file = file,
                          .mark = {1, 0},
                          .what = "the header is empty",
                          .got = "an empty line",
                          .expected = "names of columns"});
      }
      row.clear();
      split_cells(line, file, number, row);
      table.columns_.assign(row.cells.begin(), row.cells.end());
      check_header(table.columns_, file, number);
      continue;
    }
    if (line.empty()) {  // at the end of the file only
      const std::size_t next = content.find_first_not_of("\r\n", std::min(begin, content.size()));
      if (next == std::string::npos) {
        break;
      }
      ragged_row(file, number, line, 0, table.columns_.size());
    }
    row.clear();
    const std::size_t cells = split_cells(line, file, number, row);
    if (cells != table.columns_.size()) {
      ragged_row(file, number, line, cells, table.columns_.size());
    }
    table.cells_.insert(table.cells_.end(), row.cells.begin(), row.cells.end());
    if (table.cells_.size() > kMaxCells) {
      throw InputError({.code = "E_LIMIT",
                        .file = file,
                        .mark = {number, 0},
                        .what = "the table has too many cells",
                        .expected = fmt::format("at most {}", kMaxCells)});
    }
    table.lines_.push_back(number);
  }
  return table;
}

bool CsvTable::has(const std::string& column) const {
  return std::find(columns_.begin(), columns_.end(), column) != columns_.end();
}

std::size_t CsvTable::column(const std::string& name) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found == columns_.end()) {
    missing_column(file_, 1, name, columns_);
  }
  return static_cast<std::size_t>(found - columns_.begin());
}

const std::string& CsvTable::cell(std::size_t row, std::size_t column) const {
  require(row < rows() && column < columns_.size(), "this CSV cell does not exist");
  return cells_[row * columns_.size() + column];
}

double CsvTable::number(std::size_t row, std::size_t column, const Range& range) const {
  const std::optional<double> value = parse_number(cell(row, column));
  if (!value) {
    fail(row, column, "E_TYPE", "a finite number");
  }
  if (!range.contains(*value)) {
    fail(row, column, "E_RANGE", range.text());
  }
  return *value;
}

std::int64_t CsvTable::count(std::size_t row, std::size_t column, const Range& range) const {
  using enum WholeNumber::State;
  const WholeNumber whole = parse_whole(cell(row, column));
  if (whole.state == too_large) {
    fail(row, column, "E_OVERFLOW", fmt::format("-{0} to {0}", kMaxCount));
  }
  if (whole.state != ok) {
    fail(row, column, "E_TYPE", "a whole number " + range.text());
  }
  if (!range.contains(static_cast<double>(whole.value))) {
    fail(row, column, "E_RANGE", "a whole number " + range.text());
  }
  return whole.value;
}

void CsvTable::fail(std::size_t row, std::size_t column, const std::string& code,
                    const std::string& expected) const {
  wrong_cell(file_, lines_[row], columns_[column], cell(row, column), code, expected);
}

}  // namespace moeplan::text
