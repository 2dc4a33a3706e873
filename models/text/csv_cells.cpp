#include "models/text/csv_cells.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/encoding.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::text {
namespace {

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

// The cell in quotes that begins at line[i]; i then stands behind the closing quote.
std::string quoted_cell(std::string_view line, const std::string& file, int number,
                        std::size_t& i) {
  std::string cell;
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
  return cell;
}

}  // namespace

std::size_t split_cells(std::string_view line, const std::string& file, int number,
                        CsvCells& into) {
  std::size_t count = 0;
  std::size_t i = 0;
  for (bool more = true; more; ++count) {
    if (i < line.size() && line[i] == '"') {
      into.unquoted.push_back(quoted_cell(line, file, number, i));
      into.cells.emplace_back(into.unquoted.back());
    } else {
      const std::size_t end = std::min(line.find(',', i), line.size());
      const std::string_view cell = line.substr(i, end - i);
      i = end;
      if (cell.find('"') != std::string_view::npos) {
        wrong(file, {number, 0}, "a quote inside an unquoted cell", "'" + shown(cell) + "'",
              "the whole cell in quotes");
      }
      into.cells.push_back(cell);
    }
    more = i < line.size();  // stands on the comma
    ++i;
  }
  return count;
}

void check_header(const std::vector<std::string>& columns, const std::string& file, int line) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].empty()) {
      wrong(file, {line, 0}, fmt::format("column {} of the header has no name", i + 1), "''",
            "a name for each column");
    }
    const auto first = std::find(columns.begin(), columns.end(), columns[i]);
    const auto before = static_cast<std::size_t>(first - columns.begin());
    if (before != i) {
      wrong(file, {line, 0}, fmt::format("the column '{}' is there twice", shown(columns[i])),
            fmt::format("columns {} and {}", before + 1, i + 1), "each name once", "",
            "E_DUPLICATE");
    }
  }
}

void ragged_row(const std::string& file, int line, std::string_view row, std::size_t cells,
                std::size_t wanted) {
  if (row.empty()) {
    wrong(file, {line, 0}, "an empty line", "0 cells", fmt::format("{} cells", wanted));
  }
  wrong(file, {line, 0}, "the row has another number of cells than the header",
        fmt::format("{} in '{}'", cells, shown(row)), fmt::format("{} cells", wanted),
        cells > wanted ? "decimal comma or thousands separator? use 1234.5" : "");
}

void missing_column(const std::string& file, int line, const std::string& name,
                    const std::vector<std::string>& columns) {
  wrong(file, {line, 0}, fmt::format("the column '{}' is missing", name),
        "columns " + joined(columns), fmt::format("a column '{}'", name),
        did_you_mean(name, columns), "E_MISSING");
}

void wrong_cell(const std::string& file, int line, const std::string& column, std::string_view cell,
                const std::string& code, const std::string& expected, const std::string& fix) {
  const bool comma = cell.find(',') != std::string_view::npos;
  wrong(file, {line, 0}, fmt::format("wrong value in column '{}'", column), "'" + shown(cell) + "'",
        expected, comma ? "use '.' as decimal mark and no thousands separators" : fix, code);
}

}  // namespace moeplan::text
