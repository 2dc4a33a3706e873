#include "sim/report/html/design_row.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"

namespace moeplan::sim {
namespace {

using text::Node;

// A simulation keeps its layout one level down.
const Node& layout_of(const Node& design) {
  const Node* below = at(design, "design");
  return below != nullptr ? *below : design;
}

// What tells two designs apart.
std::string key_of(const Node& design) {
  const Node& layout = layout_of(design);
  std::string key;
  for (const char* part : {"experts_kept", "gpu", "node", "gpus", "layout", "tensor_parallel",
                           "expert_parallel", "data_parallel", "pipeline_parallel", "exchange",
                           "placement", "redundant_experts", "replicas"}) {
    key += text_at(layout, part) + "|";
  }
  return key;
}

DesignRow row_of(const Node& design, const std::string& role) {
  const Node& layout = layout_of(design);
  const std::string experts = text_at(layout, "experts_kept");
  const std::string kept = experts.empty() ? "dense" : experts + " experts";
  const double replicas = std::max(1.0, number_at(layout, "replicas").value_or(1.0));
  const std::string machines =
      fmt::format("{} x {}", whole_text(number_at(layout, "gpus").value_or(0.0) / replicas),
                  text_at(layout, "gpu"));
  const std::string split = text_at(layout, "layout");
  const bool plain = split.empty() || split == "1 GPU";
  return {.node = &design,
          .label = kept + " on " + machines + (plain ? "" : " (" + split + ")"),
          .axis = kept + "|" + machines + (plain ? "" : "|" + split),
          .role = role};
}

// USD a month; without one, after all others.
double cost_of(const Node& design) {
  return number_at(design, "cost_usd_per_month").value_or(std::numeric_limits<double>::infinity());
}

class Rows {
 public:
  void add(const Node& design, const std::string& role, bool named, bool front = false) {
    const auto [found, fresh] = index_.emplace(key_of(design), rows_.size());
    if (fresh) {
      rows_.push_back(row_of(design, role));
      rows_.back().named = named;
    } else if (named) {
      rows_[found->second].role += ", " + role;
    }
    rows_[found->second].front |= front;
  }
  std::vector<DesignRow> take() { return std::move(rows_); }

 private:
  std::map<std::string, std::size_t> index_;
  std::vector<DesignRow> rows_;
};

void add_named(const Node& result, Rows& rows) {
  struct Role {
    const char* key;
    const char* name;
  };
  for (const Role& role : {Role{"recommendation", "recommended"}, Role{"baseline", "unpruned"},
                           Role{"runner_up", "runner-up"}}) {
    if (const Node* design = at(result, role.key)) {
      rows.add(*design, role.name, true);
    }
  }
  if (at(result, "design") != nullptr) {
    rows.add(result, "simulated", true);
  }
}

}  // namespace

std::vector<DesignRow> named_designs(const Node& result) {
  Rows rows;
  add_named(result, rows);
  return rows.take();
}

DesignRow design_at(const Node& plan, std::size_t index) {
  const std::vector<Node>& designs = items_at(plan, "designs");
  if (index >= designs.size()) {
    return {};
  }
  for (DesignRow& row : named_designs(plan)) {
    if (key_of(*row.node) == key_of(designs[index])) {
      return row;
    }
  }
  return row_of(designs[index], "other");
}

std::vector<DesignRow> design_rows(const Node& plan) {
  Rows rows;
  add_named(plan, rows);
  for (const Node& design : items_at(plan, "pareto")) {
    rows.add(design, "Pareto front", false, true);
  }
  std::vector<const Node*> others;
  for (const Node& design : items_at(plan, "designs")) {
    others.push_back(&design);
  }
  std::stable_sort(others.begin(), others.end(),
                   [](const Node* a, const Node* b) { return cost_of(*a) < cost_of(*b); });
  for (const Node* design : others) {
    rows.add(*design, "other", false);
  }
  std::vector<DesignRow> all = rows.take();
  all.resize(std::min(all.size(), kMostDesigns));
  return all;
}

std::vector<DesignRow> by_experts(const Node& result) {
  std::map<double, DesignRow> best;
  for (const DesignRow& row : design_rows(result)) {
    const double experts = number_at(layout_of(*row.node), "experts_kept").value_or(0.0);
    const auto [found, fresh] = best.emplace(experts, row);
    if (!fresh && cost_of(*row.node) < cost_of(*found->second.node)) {
      found->second = row;
    }
  }
  std::vector<DesignRow> rows;
  for (auto& [experts, row] : best) {
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace moeplan::sim
