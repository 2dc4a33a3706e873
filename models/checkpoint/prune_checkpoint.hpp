#pragma once
// prune_checkpoint: a PruningPlan carried out on a Hugging Face checkpoint. Memory: the mapped
// pages of one layer and what merge_layer needs; tensors that pruning does not touch are copied.

#include <filesystem>
#include <functional>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"
#include "models/checkpoint/checkpoint.hpp"
#include "models/checkpoint/router_data.hpp"
#include "models/pruning/merge_layer.hpp"

namespace moeplan::models {

// huggingface: config.json rewritten, equal counts in all layers, a router of so many outputs.
// native: any counts, and routers of merged_logits with a tensor ROUTER.expert_map [experts before]
//   (I64: the kept expert that an output leads to). Its config.json says model_type moeplan_native,
//   base_model_type and experts_per_layer, so that nothing loads it for what it is not.
enum class CheckpointLayout { huggingface, native };

// A model directory with its config, checked: all experts and routers are there, in the shapes that
// config.json says.
class ModelFiles {
 public:
  // Throws: InputError.
  explicit ModelFiles(const std::filesystem::path& directory);

  const SmoeArchitecture& architecture() const { return architecture_; }
  const Checkpoint& checkpoint() const { return checkpoint_; }
  const std::filesystem::path& directory() const { return directory_; }
  // [MoE layers]; correction biases are read from the checkpoint.
  const std::vector<RouterKind>& routers() const { return routers_; }
  std::int64_t groups(std::size_t moe_layer) const;

 private:
  void check_router(std::size_t layer);

  std::filesystem::path directory_;
  SmoeArchitecture architecture_;
  Checkpoint checkpoint_;
  std::vector<RouterKind> routers_;
};

struct CheckpointResult {
  // [MoE layers][members that are no anchors]
  std::vector<std::vector<MemberAlignment>> alignments;
  std::size_t bytes = 0;           // of all tensors written
  std::vector<std::string> notes;  // what else was changed, in words
};

// Throws: InputError when the layout cannot hold the plan.
void check_layout(const PruningPlan& plan, CheckpointLayout layout, const std::string& file);

// Writes weights, index, config.json and copies of the other small files (tokenizer, licence) into
// `output`, an existing empty directory. before_layer(i): called before MoE layer i (progress,
// interruption by an exception).
// Throws: InputError as above and for weights that cannot be merged; std::system_error.
CheckpointResult prune_checkpoint(const ModelFiles& model, const PruningPlan& plan,
                                  CheckpointLayout layout, const std::filesystem::path& output,
                                  int threads,
                                  const std::function<void(std::size_t)>& before_layer);

}  // namespace moeplan::models
