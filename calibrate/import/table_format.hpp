#pragma once
// Private to calibrate/import: a kind of table, known by its columns, and the one loop that reads
// any of them. One file per project lists its formats; measurements.cpp tries them in turn.

#include <functional>
#include <string>
#include <vector>

#include "calibrate/import/table_row.hpp"

namespace moeplan::calibrate {

using RowReader = std::function<void(const TableRow&, models::Measurements&)>;

struct TableFormat {
  std::string name;                  // for people: "infersim dense products"
  std::string source;                // project: "infersim"
  std::vector<std::string> columns;  // all of them tell the format apart
  // One of these must be in the file's path where the columns fit several formats; empty: any.
  std::vector<std::string> path_parts;
  std::vector<std::string> measured;  // what is measured; all other columns name the point
  // Points stand in the table several times (further columns were left out when it was published):
  // all count, unless two durations in the first measured column differ by more than a factor of
  // two. The other measured columns may: their kernels depend on what was left out.
  bool repeats = false;
  // Made once for a file: shapes from beside it, checks over the whole column.
  std::function<RowReader(const text::CsvTable&)> reader;
};

// The first format that fits, or nullptr.
const TableFormat* format_of(const std::vector<const TableFormat*>& formats,
                             const text::CsvTable& table);

// Throws: InputError (all bad rows, with line), E_VALUE for a table without rows, E_DUPLICATE for
// equal points with different durations (see repeats).
// skip_bad_rows: see ImportOptions.
models::Measurements read_table(const TableFormat& format, const text::CsvTable& table,
                                const std::string& content, bool skip_bad_rows = false);

// What parse_... of every project does: one of its own formats, else E_MISSING listing them.
models::Measurements read_as_one_of(const std::vector<const TableFormat*>& formats,
                                    const std::string& content, const std::string& file,
                                    bool skip_bad_rows = false);

const std::vector<TableFormat>& aiconfigurator_formats();
const std::vector<TableFormat>& infersim_formats();
const std::vector<TableFormat>& frontier_formats();
const std::vector<TableFormat>& llmservingsim_formats();
const std::vector<TableFormat>& apexplus_formats();
const std::vector<TableFormat>& vidur_formats();
const std::vector<TableFormat>& deepep_formats();

std::vector<const TableFormat*> pointers(const std::vector<TableFormat>& formats);

}  // namespace moeplan::calibrate
