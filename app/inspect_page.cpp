#include "app/inspect_page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::app {
namespace {

// Columns are aligned to the left, two spaces apart.
std::string as_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], row[c].size());
    }
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      line += fmt::format("{:<{}}  ", row[c], widths[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string escaped(const std::string& cell) {
  std::string out;
  for (const char c : cell) {
    out += c == '|' ? std::string("\\|") : std::string(1, c);
  }
  return out;
}

std::string as_markdown(const std::vector<Row>& rows) {
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    out += "|";
    for (const std::string& cell : rows[r]) {
      out += " " + escaped(cell) + " |";
    }
    out += "\n";
    if (r == 0) {
      for (std::size_t c = 0; c < rows[r].size(); ++c) {
        out += "|---";
      }
      out += "|\n";
    }
  }
  return out;
}

// RFC 4180: quoted where a comma, a quote or a line break would be misread.
std::string as_csv(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      out += c == 0 ? "" : ",";
      if (row[c].find_first_of(",\"\n") == std::string::npos) {
        out += row[c];
        continue;
      }
      out += '"';
      for (const char letter : row[c]) {
        out += letter == '"' ? std::string("\"\"") : std::string(1, letter);
      }
      out += '"';
    }
    out += "\n";
  }
  return out;
}

std::string for_people(const Page& page, bool markdown) {
  std::string out = page.title + "\n";
  for (const PageTable& table : page.tables) {
    require(!table.rows.empty(), "a table of a page has a header");
    out += "\n";
    if (!table.title.empty()) {
      out += markdown ? "## " + table.title + "\n\n" : table.title + "\n";
    }
    out += markdown ? as_markdown(table.rows) : as_table(table.rows);
  }
  for (const std::string& note : page.notes) {
    out += "\n" + note + "\n";
  }
  return out;
}

}  // namespace

const std::vector<std::string>& page_formats() {
  static const std::vector<std::string> formats = {"table", "json", "jsonl", "csv", "markdown"};
  return formats;
}

std::string render(const Page& page, const std::string& format) {
  if (format == "json") {
    return page.json.pretty();
  }
  if (format == "jsonl") {
    return page.json.line() + "\n";
  }
  if (format == "csv") {
    return as_csv(page.csv);
  }
  require(format == "table" || format == "markdown", "unknown format of inspect");
  return for_people(page, format == "markdown");
}

std::string number_text(double value) { return fmt::format("{}", value); }

}  // namespace moeplan::app
