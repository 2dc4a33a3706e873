// A step by phase, and the memory of a GPU, against experts kept.
#include <fmt/format.h>

#include <algorithm>

#include "sim/report/html/design_row.hpp"
#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Json;
using text::Node;

constexpr double kMs = 1e3;
constexpr double kGiB = 1073741824.0;
constexpr std::size_t kMostBars = 24;

// Phases that a reader tells apart; the table has each of its own.
struct Group {
  const char* name;
  std::vector<const char*> phases;
};
const std::vector<Group>& groups() {
  static const std::vector<Group> kGroups = {
      {"experts", {"expert"}},
      {"attention", {"attention"}},
      {"projections, norms", {"projection", "norm"}},
      {"exchange (dispatch, combine)", {"dispatch", "combine"}},
      {"all-reduce", {"allreduce"}},
      {"dense, router, head", {"dense", "router", "head"}},
      {"host, launches", {"host", "launch"}},
      {"pipeline", {"pipeline_transfer", "pipeline_wait"}}};
  return kGroups;
}

// At most kMostBars, evenly from all, the first and the last among them.
std::vector<DesignRow> bars(const Node& result) {
  std::vector<DesignRow> all = by_experts(result);
  if (all.size() <= kMostBars) {
    return all;
  }
  std::vector<DesignRow> some;
  for (std::size_t i = 0; i < kMostBars; ++i) {
    some.push_back(all[i * (all.size() - 1) / (kMostBars - 1)]);
  }
  return some;
}

// Designs along the axis in the order of the rows, their labels in lines.
Json design_axis() {
  return channel("design", "nominal", "")
      .set("sort", Json())
      .set("axis", Json::object()
                       .set("labelExpr", "split(datum.label, '|')")
                       .set("labelAngle", 0)
                       .set("labelLimit", 160));
}

struct Bars {
  std::vector<Json> rows;
  std::vector<std::string> parts;  // that occur
  void add(const std::string& design, const std::string& part, const char* field, double value,
           std::size_t order) {
    if (value <= 0.0) {
      return;
    }
    if (std::find(parts.begin(), parts.end(), part) == parts.end()) {
      parts.push_back(part);
    }
    rows.push_back(Json::object()
                       .set("design", design)
                       .set("part", part)
                       .set(field, value)
                       .set("order", order));
  }
};

Json stacked(const Bars& bars, const std::vector<std::string>& names, const char* field,
             const char* title, const char* format) {
  return layer(mark("bar").set("width", 48),
               Json::object()
                   .set("x", design_axis())
                   .set("y", channel(field, "quantitative", title).set("stack", "zero"))
                   .set("color", colors("part", "", names))
                   .set("order", channel("order", "quantitative", ""))
                   .set("tooltip", hover({{"design", "design", ""},
                                          {"part", "part", ""},
                                          {field, title, format}})))
      .set("data", Json::object().set("values", bars.rows));
}

// The names of all that occur, in the order in which they stack.
std::vector<std::string> in_order(const Bars& bars, const std::vector<std::string>& all) {
  std::vector<std::string> names;
  for (const std::string& name : all) {
    if (std::find(bars.parts.begin(), bars.parts.end(), name) != bars.parts.end()) {
      names.push_back(name);
    }
  }
  return names;
}

// Columns that hold the same "0.0 %" everywhere say nothing.
void drop_zero_columns(ReportTable& table) {
  for (std::size_t c = table.columns.size(); c-- > 2;) {
    const bool zero = std::all_of(
        table.rows.begin(), table.rows.end(),
        [&](const std::vector<std::string>& row) { return row[c] == percent_text(0.0); });
    if (zero && c + 1 < table.columns.size()) {
      const auto at = static_cast<std::ptrdiff_t>(c);
      table.columns.erase(table.columns.begin() + at);
      for (std::vector<std::string>& row : table.rows) {
        row.erase(row.begin() + at);
      }
    }
  }
}

}  // namespace

std::optional<ReportFigure> phases_figure(const Node& result) {
  Bars bars_of_time;
  std::vector<Json> shares;
  std::vector<std::string> names;
  ReportTable table{{"design", "step"}, {}};
  for (const Group& group : groups()) {
    names.push_back(group.name);
    for (const char* phase : group.phases) {
      table.columns.emplace_back(phase);
    }
  }
  table.columns.emplace_back("exchange share");
  for (const DesignRow& row : bars(result)) {
    const double step = number_at(*row.node, "phases/mean_step_s").value_or(0.0);
    if (step <= 0.0) {
      continue;
    }
    std::vector<std::string> cells = {row.label, duration_text(step)};
    for (std::size_t g = 0; g < groups().size(); ++g) {
      double together = 0.0;
      for (const char* phase : groups()[g].phases) {
        const auto share =
            number_at(*row.node, std::string("phases/") + phase + "_fraction").value_or(0.0);
        together += share;
        cells.push_back(percent_text(share));
      }
      bars_of_time.add(row.axis, groups()[g].name, "step_ms", kMs * step * together, g);
    }
    const auto exchange = number_at(*row.node, "exchange_share_fraction");
    cells.push_back(percent_text(exchange));
    table.rows.push_back(std::move(cells));
    shares.push_back(Json::object()
                         .set("design", row.axis)
                         .set("step_ms", kMs * step)
                         .set("share", "exchange " + percent_text(exchange)));
  }
  if (bars_of_time.rows.empty()) {
    return std::nullopt;
  }
  drop_zero_columns(table);
  const std::vector<Json> layers = {
      stacked(bars_of_time, in_order(bars_of_time, names), "step_ms", "mean step, ms", ",.3f"),
      layer(mark("text").set("baseline", "bottom").set("dy", -4),
            Json::object()
                .set("x", design_axis())
                .set("y", channel("step_ms", "quantitative", "mean step, ms"))
                .set("text", channel("share", "nominal", "")))
          .set("data", Json::object().set("values", shares))};
  return ReportFigure{
      "phases", "Where the time of a step goes",
      "Mean duration of an engine's step at its load, by phase: for every count of "
      "experts kept, the cheapest design that works. Engines of other layouts run other "
      "batches, so compare shares rather than heights.",
      layered(300, layers), table};
}

std::optional<ReportFigure> memory_figure(const Node& result) {
  struct Part {
    const char* name;
    const char* key;
  };
  static const std::vector<Part> kParts = {{"experts", "expert_weights_bytes"},
                                           {"KV cache", "kv_bytes"},
                                           {"other weights", "other_weights_bytes"},
                                           {"activations", "activations_bytes"},
                                           {"buffers", "buffers_bytes"}};
  Bars parts;
  std::vector<std::string> names;
  std::vector<Json> limits;
  ReportTable table{{"design", "capacity", "usable"}, {}};
  for (const Part& part : kParts) {
    names.emplace_back(part.name);
    table.columns.emplace_back(part.name);
  }
  table.columns.emplace_back("KV bytes per token");
  for (const DesignRow& row : bars(result)) {
    const Node* memory = at(*row.node, "memory");
    if (memory == nullptr || !number_at(*memory, "capacity_bytes")) {
      continue;
    }
    std::vector<std::string> cells = {row.label, bytes_text(number_at(*memory, "capacity_bytes")),
                                      bytes_text(number_at(*memory, "usable_bytes"))};
    for (std::size_t i = 0; i < kParts.size(); ++i) {
      const auto bytes = number_at(*memory, kParts[i].key);
      parts.add(row.axis, kParts[i].name, "gib", bytes.value_or(0.0) / kGiB, i);
      cells.push_back(bytes_text(bytes));
    }
    cells.push_back(whole_text(number_at(*memory, "kv_bytes_per_token")));
    table.rows.push_back(std::move(cells));
    limits.push_back(Json::object()
                         .set("design", row.axis)
                         .set("gib", *number_at(*memory, "capacity_bytes") / kGiB));
  }
  if (parts.rows.empty()) {
    return std::nullopt;
  }
  const std::vector<Json> layers = {
      stacked(parts, in_order(parts, names), "gib", "GiB of one GPU", ",.2f"),
      layer(mark("tick").set("thickness", 2).set("width", 64),
            Json::object()
                .set("x", design_axis())
                .set("y", channel("gib", "quantitative", "GiB of one GPU"))
                .set("tooltip", hover({{"gib", "capacity, GiB", ",.2f"}})))
          .set("data", Json::object().set("values", limits))};
  return ReportFigure{
      "memory", "What fills a GPU's memory",
      "Per GPU, for the same designs; the bar over a stack is the GPU's capacity. Memory "
      "that experts leave becomes KV cache, which lets more requests run at once.",
      layered(300, layers), table};
}

}  // namespace moeplan::sim
