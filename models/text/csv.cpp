#include "models/text/csv.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/encoding.hpp"
#include "models/text/load.hpp"
#include "models/text/whole_number.hpp"
#include "models/units/parse.hpp"
#include "models/units/require.hpp"

namespace moeplan::text {
namespace {

constexpr std::size_t kMaxCells = 16'000'000;

[[noreturn]] void wrong(const std::string& file, Mark mark, const std::string& what,
                        const std::string& got, const std::string& expected,
                        const std::string& fix = "", const std::string& code = "E_SYNTAX") {
  throw InputError({.code = code,
                    .file = file,
                    .mark = mark,
                    .what = what,
                    .got = got,
                    .expected = expected,
                    .fix = fix});
}

// Appends the cells of one line; returns how many.
std::size_t split_line(std::string_view line, const std::string& file, int number,
                       std::vector<std::string>& cells) {
  std::size_t count = 0;
  std::size_t i = 0;
  for (bool more = true; more; ++count) {
    std::string cell;
    if (i < line.size() && line[i] == '"') {
      const int start = static_cast<int>(i) + 1;
      for (++i;; ++i) {
        if (i >= line.size()) {
          wrong(file, {number, start}, "a quoted cell does not end on its line",
                "'" + shown(line) + "'", "a closing '\"'",
                "line breaks inside quotes are not accepted");
        }
        if (line[i] != '"') {
          cell += line[i];
        } else if (i + 1 < line.size() && line[i + 1] == '"') {
          cell += line[i++];
        } else {
          break;
        }
      }
      ++i;
      if (i < line.size() && line[i] != ',') {
        wrong(file, {number, static_cast<int>(i) + 1}, "text after a closing quote",
              "'" + shown(line.substr(i)) + "'", "',' or the end of the line",
              "write a quote inside a quoted cell as \"\"");
      }
    } else {
      const std::size_t end = std::min(line.find(',', i), line.size());
      cell = line.substr(i, end - i);
      i = end;
      if (cell.find('"') != std::string::npos) {
        wrong(file, {number, 0}, "a quote inside an unquoted cell", "'" + shown(cell) + "'",
              "the whole cell in quotes");
      }
    }
    cells.push_back(std::move(cell));
    more = i < line.size();  // stands on the comma
    ++i;
  }
  return count;
}

void check_header(const std::vector<std::string>& columns, const std::string& file) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].empty()) {
      wrong(file, {1, 0}, fmt::format("column {} of the header has no name", i + 1), "''",
            "a name for each column");
    }
    const auto first = std::find(columns.begin(), columns.end(), columns[i]);
    const auto before = static_cast<std::size_t>(first - columns.begin());
    if (before != i) {
      wrong(file, {1, 0}, fmt::format("the column '{}' is there twice", shown(columns[i])),
            fmt::format("columns {} and {}", before + 1, i + 1), "each name once", "",
            "E_DUPLICATE");
    }
  }
}

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
        wrong(file, {1, 0}, "the header is empty", "an empty line", "names of columns");
      }
      split_line(line, file, number, table.columns_);
      check_header(table.columns_, file);
      continue;
    }
    if (line.empty()) {  // at the end of the file only
      const std::size_t next = content.find_first_not_of("\r\n", std::min(begin, content.size()));
      if (next == std::string::npos) {
        break;
      }
      wrong(file, {number, 0}, "an empty line", "0 cells",
            fmt::format("{} cells", table.columns_.size()));
    }
    const std::size_t cells = split_line(line, file, number, table.cells_);
    if (cells != table.columns_.size()) {
      wrong(
          file, {number, 0}, "the row has another number of cells than the header",
          fmt::format("{} in '{}'", cells, shown(line)),
          fmt::format("{} cells", table.columns_.size()),
          cells > table.columns_.size() ? "decimal comma or thousands separator? use 1234.5" : "");
    }
    if (table.cells_.size() > kMaxCells) {
      wrong(file, {number, 0}, "the table has too many cells", "",
            fmt::format("at most {}", kMaxCells), "", "E_LIMIT");
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
    wrong(file_, {1, 0}, fmt::format("the column '{}' is missing", name),
          "columns " + joined(columns_), fmt::format("a column '{}'", name),
          did_you_mean(name, columns_), "E_MISSING");
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
  const std::string& text = cell(row, column);
  const bool comma = text.find(',') != std::string::npos;
  wrong(file_, {lines_[row], 0}, fmt::format("wrong value in column '{}'", columns_[column]),
        "'" + shown(text) + "'", expected,
        comma ? "use '.' as decimal mark and no thousands separators" : "", code);
}

}  // namespace moeplan::text
