#pragma once
// What a sweep gives: rows of cells under typed columns, one row a task; and what the rows of one
// sweep have in common (SweepInfo), by which journals and stores know each other.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "models/text/json.hpp"
#include "models/text/reader.hpp"

namespace moeplan::sim {

enum class CellType { boolean, integer, real, text };

struct Column {
  std::string name;  // with its unit; of a swept key its path
  CellType type = CellType::text;
  friend bool operator==(const Column&, const Column&) = default;
};

// Absent: std::monostate. The alternative of a column is that of its type.
using Cell = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

struct Row {
  std::int64_t task = 0;    // place in the task list
  std::string id;           // hash of the canonical scenario
  std::vector<Cell> cells;  // [columns]
  friend bool operator==(const Row&, const Row&) = default;
};

struct SweepInfo {
  std::string version;   // of the program
  std::string scenario;  // name of its file
  std::string digest;    // hash of all task ids, in order
  std::int64_t tasks = 0;
  std::vector<Column> columns;  // of the rows' cells, in order
};

inline constexpr std::int64_t kMostTasks = 1'000'000;

// What differs between two sweeps, in words; "" if nothing does.
std::string difference(const SweepInfo& there, const SweepInfo& here);

text::Json to_json(const SweepInfo& info);
// Throws: InputError E_SCHEMA, E_MISSING, ... for what is not the description of a sweep.
SweepInfo sweep_info_from(const text::Document& document);

// [task, id, cells...]: names are in the SweepInfo, and reading a name a cell took half the time.
text::Json to_json(const Row& row);
// Throws: InputError for another row than of these columns, or a task out of range.
Row row_from(const text::Document& document, const SweepInfo& info);

// null for an absent cell.
text::Json cell_json(const Cell& cell);
// The cell as CSV: empty when absent, text quoted where it must be (RFC 4180).
std::string cell_csv(const Cell& cell);
// For people: numbers with four significant digits.
std::string cell_text(const Cell& cell);

}  // namespace moeplan::sim
