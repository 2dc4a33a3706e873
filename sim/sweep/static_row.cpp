#include "sim/sweep/static_row.hpp"

#include <cmath>
#include <functional>

#include "models/units/require.hpp"
#include "sim/forward/forward_pass.hpp"

namespace moeplan::sim {
namespace {

constexpr double kZ95 = 1.645;  // 5 to 95 % of the law's band

using enum CellType;

// What the columns are read from.
struct Point {
  std::string status;
  std::string reason;
  const StaticScenario* scenario = nullptr;
  const ForwardPass* pass = nullptr;  // nullptr: invalid
};

struct StaticColumn {
  Column column;
  std::function<Cell(const Point&)> cell;
};

bool priced(const Point& p) { return p.pass != nullptr && p.pass->memory.capacity.value() > 0.0; }

template <class Get>
StaticColumn of_pass(const char* name, CellType type, Get get) {
  return {{name, type}, [get](const Point& p) {
            Cell cell;
            if (p.pass != nullptr) {
              cell = get(p);
            }
            return cell;
          }};
}

template <class Get>
StaticColumn of_priced(std::string name, CellType type, Get get) {
  return {{std::move(name), type}, [get](const Point& p) {
            Cell cell;
            if (priced(p)) {
              cell = get(*p.pass);
            }
            return cell;
          }};
}

// The band is that of the figure the law was fitted to; outside, nobody knows it.
StaticColumn band(const char* name, double z) {
  return of_priced(name, real, [z](const ForwardPass& pass) {
    Cell cell;
    if (!pass.estimate.extrapolated) {
      cell = in_seconds(pass.estimate.terms.total() * std::exp(z * pass.sd_log));
    }
    return cell;
  });
}

StaticColumn memory(const char* name, Bytes ForwardMemory::*part) {
  return of_priced(name, real,
                   [part](const ForwardPass& pass) { return in_bytes(pass.memory.*part); });
}

Cell text_or_none(const std::string& text) {
  Cell cell;
  if (!text.empty()) {
    cell = text;
  }
  return cell;
}

std::vector<StaticColumn> make_table() {
  using Pass = ForwardPass;
  std::vector<StaticColumn> t = {
      {{"status", text}, [](const Point& p) { return Cell(p.status); }},
      {{"reason", text}, [](const Point& p) { return text_or_none(p.reason); }},
      of_pass("experts_kept", integer,
              [](const Point& p) {
                Cell cell;
                if (p.pass->experts_kept > 0) {
                  cell = p.pass->experts_kept;
                }
                return cell;
              }),
      of_pass("gpu", text,
              [](const Point& p) { return p.scenario->hardware[p.pass->hardware].gpu.id; }),
      of_pass("gpus", integer, [](const Point& p) { return std::int64_t{p.pass->shape.gpus}; }),
      of_pass("expert_parallel_size", integer,
              [](const Point& p) { return std::int64_t{p.pass->shape.expert_ranks}; }),
      of_priced("forward_s", real,
                [](const Pass& p) { return in_seconds(p.estimate.terms.total()); }),
      band("forward_p5_s", -kZ95),
      band("forward_p95_s", kZ95),
      of_priced("moe_layer_s", real,
                [](const Pass& p) { return in_seconds(p.estimate.moe_layer()); })};
  for (const models::StaticTerm& term : models::static_terms()) {
    const auto value = term.value;
    t.push_back(of_priced(std::string(term.name) + "_s", real,
                          [value](const Pass& p) { return in_seconds(p.estimate.terms.*value); }));
  }
  t.push_back(
      of_priced("extrapolated", boolean, [](const Pass& p) { return p.estimate.extrapolated; }));
  t.push_back(
      of_priced("local_experts", real, [](const Pass& p) { return p.estimate.local_experts; }));
  t.push_back(of_priced("capacity_rows", integer,
                        [](const Pass& p) { return std::int64_t{p.capacity.capacity}; }));
  t.push_back(of_priced("buffer_rows", integer,
                        [](const Pass& p) { return std::int64_t{p.capacity.buffer_rows}; }));
  t.push_back(of_priced("padding_rows", real, [](const Pass& p) {
    return static_cast<double>(p.capacity.padding_rows);
  }));
  t.push_back(of_priced("dropped_fraction", real,
                        [](const Pass& p) { return p.capacity.dropped_fraction; }));
  t.push_back(memory("memory_bytes", &ForwardMemory::capacity));
  t.push_back(memory("weights_bytes", &ForwardMemory::weights));
  t.push_back(memory("buffers_bytes", &ForwardMemory::buffers));
  t.push_back(memory("logits_bytes", &ForwardMemory::logits));
  return t;
}

const std::vector<StaticColumn>& table() {
  static const std::vector<StaticColumn> kTable = make_table();
  return kTable;
}

std::vector<Cell> cells_of(const Point& point) {
  std::vector<Cell> cells;
  for (const StaticColumn& column : table()) {
    cells.push_back(column.cell(point));
  }
  return cells;
}

}  // namespace

std::vector<Column> static_columns() {
  std::vector<Column> columns;
  for (const StaticColumn& column : table()) {
    columns.push_back(column.column);
  }
  return columns;
}

std::vector<Cell> static_cells(const StaticScenario& scenario) {
  const std::vector<ForwardPass> passes = forward_passes(scenario);
  require(passes.size() == 1, "a point of a sweep is one pass");
  const ForwardPass& pass = passes.front();
  return cells_of({.status = pass.why_not.empty() ? "ok" : "infeasible",
                   .reason = pass.why_not,
                   .scenario = &scenario,
                   .pass = &pass});
}

std::vector<Cell> invalid_static_cells(const std::string& reason) {
  return cells_of({.status = "invalid", .reason = reason});
}

}  // namespace moeplan::sim
