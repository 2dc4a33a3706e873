#include "calibrate/import/table_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

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

// The device that a table names in a column of its own; "" where it names none or several.
std::string device_of(const text::CsvTable& table, std::vector<std::string>& notes) {
  for (const char* name : {"device", "gpu", "gpu_name", "device_name"}) {
    if (!table.has(name) || table.rows() == 0) {
      continue;
    }
    const std::size_t column = table.column(name);
    std::set<std::string> devices;
    for (std::size_t i = 0; i < table.rows(); ++i) {
      devices.insert(table.cell(i, column));
    }
    if (devices.size() > 1) {
      notes.push_back(fmt::format("rows of several devices: {}", fmt::join(devices, ", ")));
    }
    return devices.size() == 1 ? *devices.begin() : "";
  }
  return "";
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
                                const std::string& content, bool skip_bad_rows) {
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
  out.device = device_of(table, out.notes);
  const RowReader read = format.reader(table);
  std::vector<Problem> problems;
  std::vector<std::string> aside = format.measured;
  aside.emplace_back("row");  // numbers of rows name no point
  DuplicateCheck duplicates(table, aside,
                            format.repeats ? std::vector{format.measured.front()} : format.measured,
                            format.repeats ? 2.0 : 1.0);
  for (std::size_t i = 0; i < table.rows(); ++i) {
    try {
      const TableRow row(table, i);
      if (skip_bad_rows) {
        duplicates.check(row);  // first: nothing of a second duration is kept
        read(row, out);
      } else {
        read(row, out);
        duplicates.check(row);
      }
    } catch (const InputError& error) {
      problems.insert(problems.end(), error.problems().begin(), error.problems().end());
      if (skip_bad_rows) {
        const Problem& first = error.problems().front();
        ++out.skipped[fmt::format("{} {}: {}", first.code, first.pointer, first.what)];
      }
    }
  }
  if (!problems.empty() && (!skip_bad_rows || out.rows() == 0)) {
    throw InputError(problems);
  }
  return out;
}

models::Measurements read_as_one_of(const std::vector<const TableFormat*>& formats,
                                    const std::string& content, const std::string& file,
                                    bool skip_bad_rows) {
  // pandas leaves the name of its row numbers empty.
  const text::CsvTable table =
      text::CsvTable::parse(content.starts_with(",") ? "row" + content : content, file);
  if (const TableFormat* format = format_of(formats, table)) {
    return read_table(*format, table, content, skip_bad_rows);
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
