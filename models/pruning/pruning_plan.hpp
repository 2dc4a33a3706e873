#pragma once
// PruningPlan: which experts of each MoE layer go where, and what becomes of the router; made by
// plan_pruning (plan_pruning.hpp), carried out by merge_layer (merge_layer.hpp) on weights and by
// models/checkpoint on files.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/routing/routing.hpp"

namespace moeplan::models {

// uncurl: spectral clusters of router logits, merged (Sarkar et al., arXiv:2409.01483, Algorithm
// 1). frequency: the most selected experts stay, the others go (the paper's greedy baseline).
// frequency_merge: the most selected are anchors, each other joins its most similar anchor.
// mc_smoe: as frequency_merge with anchors dominant among all layers, by selections over the
//   layer's most selected expert (Li et al., Merge, then compress, ICLR 2024); with equal counts
//   per layer it is frequency_merge.
// reap: the experts with the largest mean of gate x norm of output over the tokens that chose them
//   stay (Lasby et al., REAP the experts, arXiv:2510.13999).
// random: chosen by the seed.
enum class PruningMethod { uncurl, frequency, frequency_merge, mc_smoe, reap, random };

// "uncurl frequency frequency-merge mc-smoe reap random".
std::string_view name_of(PruningMethod method);
std::optional<PruningMethod> pruning_method_from(std::string_view name);
const std::vector<std::string>& pruning_method_names();
// Whether experts are merged; else those that do not stay are dropped.
bool merges(PruningMethod method);

// One expert after pruning.
struct KeptExpert {
  std::int32_t anchor = 0;            // the member that the others are aligned to
  std::vector<std::int32_t> members;  // ascending ids before pruning, the anchor among them
  std::vector<double> weights;        // [members], >= 0, sum 1
  friend bool operator==(const KeptExpert&, const KeptExpert&) = default;
};

struct LayerPlan {
  std::int64_t layer = 0;    // 0-based among all layers of the model
  std::int64_t experts = 0;  // before
  PruningMethod method = PruningMethod::uncurl;
  std::vector<KeptExpert> kept;        // ascending anchors
  std::optional<double> spectral_gap;  // uncurl, see SpectralClustering
  std::optional<double> inertia;       // uncurl: of k-means, lower is tighter

  std::vector<std::int32_t> dropped() const;  // ascending; members of no kept expert
  // [experts], index into kept; nullopt for dropped ones.
  std::vector<std::optional<std::int32_t>> kept_index() const;
  bool unchanged() const;  // every expert stays as it is, in its place
  // Throws: std::logic_error unless members are in range, in one kept expert only, weights sum
  // to 1.
  void check() const;
};

struct PruningPlan {
  PruningMethod method = PruningMethod::uncurl;
  RouterMode router = RouterMode::reinitialised;
  std::uint64_t seed = 1;
  std::vector<LayerPlan> layers;  // [MoE layers], in order of execution

  // The count if it is the same in every layer.
  std::optional<std::int64_t> equal_count() const;
};

}  // namespace moeplan::models
