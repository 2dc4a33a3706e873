#include "sim/sweep/sweep_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moeplan::sim {
namespace {

using text::Json;

constexpr const char* kSchema = "moeplan-sweep";
constexpr int kVersion = 2;  // 1: rows as objects with names
constexpr double kMostColumns = 1000.0;

const std::vector<std::string>& type_names() {
  static const std::vector<std::string> kNames = {"boolean", "integer", "real", "text"};
  return kNames;
}

Column column_from(text::Reader reader) {
  Column column;
  column.name = reader.string("name");
  const std::string type = reader.choice("type", type_names());
  const auto found = std::find(type_names().begin(), type_names().end(), type);
  if (found != type_names().end()) {  // else a problem of the reader
    column.type = static_cast<CellType>(found - type_names().begin());
  }
  reader.finish();
  return column;
}

Cell cell_from(text::Problems& problems, const text::Node& node, const Column& column) {
  const std::string pointer = "/" + column.name;
  const auto cell = [](auto value) { return value ? Cell(*value) : Cell(); };
  switch (column.type) {
    case CellType::boolean:
      return cell(as_boolean(problems, node, pointer));
    case CellType::integer:
      return cell(as_count(problems, node, pointer, text::kAny));
    case CellType::real:
      return cell(as_number(problems, node, pointer, text::kAny));
    case CellType::text:
      return cell(as_string(problems, node, pointer));
  }
  return {};
}

}  // namespace

std::string difference(const SweepInfo& there, const SweepInfo& here) {
  std::string out;
  const auto compare = [&](const char* name, const auto& a, const auto& b) {
    if (a != b) {
      out += fmt::format("{}{} {} there, {} here", out.empty() ? "" : ", ", name, a, b);
    }
  };
  compare("version", there.version, here.version);
  compare("tasks", there.tasks, here.tasks);
  if (out.empty() && (there.digest != here.digest || there.columns != here.columns)) {
    out = fmt::format("other values or input files ({} {}, {} {})", there.scenario,
                      there.digest.substr(0, 12), here.scenario, here.digest.substr(0, 12));
  }
  return out;
}

Json to_json(const SweepInfo& info) {
  Json columns = Json::array();
  for (const Column& column : info.columns) {
    columns.push(Json::object()
                     .set("name", column.name)
                     .set("type", type_names()[static_cast<std::size_t>(column.type)]));
  }
  return Json::object()
      .set("schema", kSchema)
      .set("schema_version", kVersion)
      .set("version", info.version)
      .set("scenario", info.scenario)
      .set("digest", info.digest)
      .set("tasks", info.tasks)
      .set("columns", columns);
}

SweepInfo sweep_info_from(const text::Document& document) {
  text::Problems problems(document);
  text::Reader reader(problems, document.root);
  check_schema(reader, kSchema, kVersion, kVersion);
  problems.throw_if_any();
  SweepInfo info;
  info.version = reader.string("version");
  info.scenario = reader.string("scenario");
  info.digest = reader.string("digest");
  info.tasks = reader.count("tasks", {.low = 1.0, .high = static_cast<double>(kMostTasks)});
  std::set<std::string> names = {"task", "id"};
  for (text::Reader& column : reader.sections("columns")) {
    info.columns.push_back(column_from(column));
    if (!names.insert(info.columns.back().name).second) {
      column.problem("name", "E_DUPLICATE", "a column that is there already", "each name once");
    }
  }
  if (info.columns.empty() || static_cast<double>(info.columns.size()) > kMostColumns) {
    reader.problem("columns", "E_RANGE", "a sweep has columns",
                   fmt::format("1 to {:.0f}", kMostColumns));
  }
  reader.finish();
  problems.throw_if_any();
  return info;
}

Json to_json(const Row& row) {
  Json json = Json::array().push(row.task).push(row.id);
  for (const Cell& cell : row.cells) {
    json.push(cell_json(cell));
  }
  return json;
}

Row row_from(const text::Document& document, const SweepInfo& info) {
  constexpr std::size_t kFirstCell = 2;
  text::Problems problems(document);
  const text::Node& root = document.root;
  if (root.kind != text::Kind::sequence || root.items.size() != kFirstCell + info.columns.size()) {
    problems.add({.code = "E_TYPE",
                  .file = "",
                  .mark = root.mark,
                  .pointer = "",
                  .what = "a row of another table",
                  .got = root.kind == text::Kind::sequence
                             ? fmt::format("{} values", root.items.size())
                             : text::kind_name(root.kind),
                  .expected = fmt::format("[task, id, {} cells]", info.columns.size()),
                  .fix = ""});
    problems.throw_if_any();
  }
  Row row;
  row.task = text::as_count(problems, root.items[0], "/task",
                            {.low = 0.0, .high = static_cast<double>(info.tasks - 1)})
                 .value_or(0);
  row.id = text::as_string(problems, root.items[1], "/id").value_or("");
  row.cells.reserve(info.columns.size());
  for (std::size_t i = 0; i < info.columns.size(); ++i) {
    const text::Node& node = root.items[kFirstCell + i];
    row.cells.push_back(node.kind == text::Kind::null ? Cell()
                                                      : cell_from(problems, node, info.columns[i]));
  }
  problems.throw_if_any();
  return row;
}

Json cell_json(const Cell& cell) {
  return std::visit(
      [](const auto& value) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
          return Json();
        } else {
          return Json(value);
        }
      },
      cell);
}

std::string cell_csv(const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) {
    return "";
  }
  if (const auto* value = std::get_if<std::string>(&cell)) {
    if (value->find_first_of(",\"\r\n") == std::string::npos) {
      return *value;
    }
    std::string quoted = "\"";
    for (const char c : *value) {
      quoted += c == '"' ? "\"\"" : std::string(1, c);
    }
    return quoted + "\"";
  }
  return cell_json(cell).line();
}

std::string cell_text(const Cell& cell) {
  if (const auto* value = std::get_if<double>(&cell)) {
    return fmt::format("{:.4g}", *value);
  }
  if (const auto* value = std::get_if<std::string>(&cell)) {
    return *value;
  }
  return std::holds_alternative<std::monostate>(cell) ? "-" : cell_json(cell).line();
}

}  // namespace moeplan::sim
