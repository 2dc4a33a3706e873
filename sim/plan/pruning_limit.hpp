#pragma once
// PruningLimit: how far a model may be pruned before an objective or the accuracy gate binds, and
// which of them does.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/plan/design.hpp"

namespace moeplan::sim {

// One count of experts that was tried.
struct PruningRow {
  std::int64_t experts_kept = 0;
  std::optional<std::size_t> design;  // the cheapest that works, into Plan::designs
  // "none" where a design works; accuracy (the gate refuses every design that works otherwise),
  // else the most frequent code among its infeasible designs, or "latency" for missed objectives.
  std::string binding;
  std::string reason;  // a sentence; "" where a design works
};

struct PruningLimit {
  std::vector<PruningRow> rows;        // from many to few
  std::optional<std::int64_t> fewest;  // the fewest that work; nothing: none does
  std::string binding;                 // of the next fewer that was tried; "none": the fewest work
  std::string reason;                  //
  // The fewest that the gate alone lets through, at any count down to the curve's smallest: all
  // from the unpruned model down to it pass. Nothing without objectives.accuracy_loss.
  std::optional<std::int64_t> fewest_by_accuracy;
};

// Nothing for dense models and where one count was tried only.
std::optional<PruningLimit> pruning_limit(const Scenario& scenario,
                                          const std::vector<Design>& designs,
                                          const std::vector<Infeasible>& infeasible);

}  // namespace moeplan::sim
