#pragma once
// Measured routing: CSV files of how often each expert was used, layer by layer.
//
// Three forms, told apart by the header:
//   layer,expert,count         (token, expert) pairs, e.g. from SGLang's logical_count
//   layer,expert,probability   the share of the layer's pairs; a layer sums to 1 within 1e-3
//   layer,expert_1..expert_k   one row a token: the experts it chose
// Optional columns: step (rows of several steps are added), task (rows of one task are read, or all
// are added). layer: 0-based among all layers of the model, as in the checkpoint's tensor names;
// every MoE layer must be there, and of it, in the first two forms, every expert (0 where it was
// never used): a file cut off would pass for skew.
// Counts say how often, not together with whom: Routing::from_inclusion draws experts of one token
// independently but for being different.

#include <filesystem>
#include <string>
#include <vector>

#include "models/routing/model_routing.hpp"
#include "models/text/csv.hpp"

namespace moeplan::models {

// [layers]; task: "" adds all tasks of a file that has a task column.
// Throws: InputError with all problems found, each with line and layer: an expert or layer that the
// model has not, missing layers or experts, a row that is there twice, an expert used by more
// tokens than there are, fewer than top_k experts in use, shares that do not sum to 1, an expert
// chosen twice by a token, an unknown column or task.
ModelRouting measured_routing(const text::CsvTable& table, const std::vector<RoutedLayer>& layers,
                              const std::string& task = "");
ModelRouting load_measured_routing(const std::filesystem::path& path,
                                   const std::vector<RoutedLayer>& layers,
                                   const std::string& task = "");

}  // namespace moeplan::models
