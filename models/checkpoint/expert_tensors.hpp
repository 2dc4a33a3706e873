#pragma once
// ExpertTensors: the experts of one MoE layer in a checkpoint: checked against the architecture,
// loaded as ExpertWeights, and written after pruning. Two storages: one tensor per matrix and
// expert, or fused tensors over all experts.

#include <cstdint>
#include <memory>

#include "models/checkpoint/checkpoint.hpp"
#include "models/checkpoint/expert_names.hpp"
#include "models/pruning/expert_weights.hpp"
#include "models/pruning/pruning_plan.hpp"

namespace moeplan::models {

class ExpertTensors {
 public:
  virtual ~ExpertTensors() = default;
  // May be called from several threads. Throws: InputError E_TYPE for quantised weights that are
  // not stored as numbers (fp8 with or without block scales is).
  virtual ExpertWeights load(std::int32_t expert) const = 0;
  // The tensors that are left after pruning.
  virtual void declare(const LayerPlan& plan, CheckpointWriter& writer) const = 0;
  // Kept expert `index` is this expert as it is, byte for byte (any quantisation).
  virtual void copy(std::int32_t expert, std::size_t index, CheckpointWriter& writer) const = 0;
  // Kept expert `index` has these weights, stored as the anchor's were.
  virtual void store(const ExpertWeights& weights, std::int32_t anchor, std::size_t index,
                     CheckpointWriter& writer) const = 0;
  virtual void release(std::int32_t expert) const = 0;
  // Whether the tensor is one of these.
  virtual bool owns(const std::string& tensor) const = 0;
};

// layer: an MoE layer of the architecture. The checkpoint must outlive the result.
// Throws: InputError: a tensor that is missing, of an expert that the config has not, or of another
// shape than the config says (E_VALUE, with both).
std::unique_ptr<ExpertTensors> expert_tensors(const Checkpoint& checkpoint,
                                              const SmoeArchitecture& architecture,
                                              std::size_t layer);

// Throws: InputError E_VALUE with both shapes when the tensor has another one.
void check_shape(const Checkpoint& checkpoint, const std::string& tensor,
                 const std::vector<std::int64_t>& expected);

}  // namespace moeplan::models
