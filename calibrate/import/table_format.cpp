#include "calibrate/import/table_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "models/text/load.hpp"

namespace moeplan::calibrate {
namespace {

bool fits(const TableFormat& format, const text::CsvTable& table) {
  const auto there = [&](const std::string& column) { return table.has(column); };
  if (!std::all_of(format.columns.begin(), format.columns.end(), there)) {
    return false;
  }
  return format.path_parts.empty() ||
         std::any_of(
             format.path_parts.begin(), format.path_parts.end(),
             [&](const std::string& part) { return table.file().find(part) != std::string::npos; });
}

}  // namespace

std::vector<const TableFormat*> pointers(const std::vector<TableFormat>& formats) {
  std::vector<const TableFormat*> all;
  for (const TableFormat& format : formats) {
    all.push_back(&format);
  }
  return all;
}

const TableFormat* format_of(const std::vector<const TableFormat*>& formats,
                             const text::CsvTable& table) {
  for (const TableFormat* format : formats) {
    if (fits(*format, table)) {
      return format;
    }
  }
  return nullptr;
}

models::Measurements read_table(const TableFormat& format, const text::CsvTable& table,
                                const std::string& content) {
  if (table.rows() == 0) {
    throw InputError({.code = "E_VALUE",
                      .file = table.file(),
                      .mark = {1, 0},
                      .pointer = "",
                      .what = "a table without rows",
                      .got = "",
                      .expected = "at least one measurement",
                      .fix = ""});
  }
  models::Measurements out;
  out.file = table.file();
  out.name = std::filesystem::path(table.file()).filename().string();
  out.sha256 = text::sha256(content);
  out.source = "imported: " + format.source;
  const RowReader read = format.reader(table);
  std::vector<Problem> problems;
  DuplicateCheck duplicates(table, format.measured,
                            format.repeats ? std::vector{format.measured.front()} : format.measured,
                            format.repeats ? 2.0 : 1.0);
  for (std::size_t i = 0; i < table.rows(); ++i) {
    try {
      const TableRow row(table, i);
      read(row, out);
      duplicates.check(row);
    } catch (const InputError& error) {
      problems.insert(problems.end(), error.problems().begin(), error.problems().end());
    }
  }
  if (!problems.empty()) {
    throw InputError(problems);
  }
  return out;
}

models::Measurements read_as_one_of(const std::vector<const TableFormat*>& formats,
                                    const std::string& content, const std::string& file) {
  const text::CsvTable table = text::CsvTable::parse(content, file);
  if (const TableFormat* format = format_of(formats, table)) {
    return read_table(*format, table, content);
  }
  std::vector<std::string> known;
  for (const TableFormat* format : formats) {
    known.push_back(fmt::format("{} ({})", format->name, fmt::join(format->columns, " ")));
  }
  throw InputError({.code = "E_MISSING",
                    .file = file,
                    .mark = {1, 0},
                    .pointer = "",
                    .what = "not a table of measurements that moeplan knows",
                    .got = "columns " + joined(table.columns()),
                    .expected = fmt::format("one of {}", fmt::join(known, "; ")),
                    .fix = ""});
}

}  // namespace moeplan::calibrate
