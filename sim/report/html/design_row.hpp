#pragma once
// The designs of a plan as a report names them, each once, with the roles that it plays.

#include <cstddef>
#include <string>
#include <vector>

#include "models/text/node.hpp"

namespace moeplan::sim {

struct DesignRow {
  const text::Node* node = nullptr;
  std::string label;  // "64 of 128 experts on 2 x h100-sxm (TP2)"
  std::string axis;   // the same in lines for an axis, parted by '|': "64 experts|2 x h100-sxm|TP2"
  std::string role;   // "recommended", "unpruned, runner-up", "Pareto front", "other", ...
  bool named = false;  // recommended, unpruned or runner-up
  bool front = false;  // on the Pareto front, whatever its role
};

// A report draws no more designs than this; named ones and the Pareto front come first.
inline constexpr std::size_t kMostDesigns = 400;

// Of a plan: recommendation, baseline and runner_up, equal ones once. Of a simulation: its design.
std::vector<DesignRow> named_designs(const text::Node& result);

// designs[index] of a plan, with the roles of named_designs() ("other" without one); a label "" and
// no node where the plan has no such design.
DesignRow design_at(const text::Node& plan, std::size_t index);

// named_designs(), then the rest of pareto[] and of designs[], cheapest first; at most
// kMostDesigns.
std::vector<DesignRow> design_rows(const text::Node& plan);

// The cheapest of design_rows() for every count of experts kept, fewest experts first; of a
// simulation its design. What a figure "against experts kept" shows.
std::vector<DesignRow> by_experts(const text::Node& result);

}  // namespace moeplan::sim
