#pragma once
// pruning_plan.json and what lies beside it: written for people and for the simulator, and read
// back.

#include <filesystem>
#include <string>
#include <vector>

#include "models/pruning/merge_layer.hpp"
#include "models/pruning/pruned_router.hpp"
#include "models/text/json.hpp"

namespace moeplan::models {

// A layer after pruning.
struct PrunedLayer {
  LayerPlan plan;
  std::int64_t top_k = 1;
  std::int64_t tokens = 0;                  // of the task data
  std::vector<std::int64_t> selected;       // [experts before], tokens that chose the expert
  RoutingHistogram routing;                 // [kept]
  std::vector<MemberAlignment> alignments;  // of members that are no anchors; empty: not done
};

struct PrunedModelFile {
  PruningMethod method = PruningMethod::uncurl;
  RouterMode router = RouterMode::reinitialised;
  std::uint64_t seed = 1;
  std::string layout;      // of the checkpoint: "huggingface", "native"
  std::string checkpoint;  // file names, for provenance
  std::string router_data;
  std::string model_type;
  std::vector<std::string> notes;
  std::vector<PrunedLayer> layers;
};

text::Json pruning_plan_json(const PrunedModelFile& file);
// layer,expert,count: what workload.routing reads; of pairs after pruning.
std::string routing_csv(const PrunedModelFile& file);
// One row a layer: counts, spectral gap, inertia, alignment, routing.
std::string layers_csv(const PrunedModelFile& file);

// Reads and checks it. Throws: InputError: another schema; counts, ids (range, repeated: C3 23) and
// weights that cannot be; with the layer.
PrunedModelFile read_pruning_plan(const std::filesystem::path& path);

// "measured modelled assumed".
std::string_view name_of(RoutingHistogram::Basis basis);

}  // namespace moeplan::models
