#pragma once
// Private to models/checkpoint: experts with tensors of their own.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "models/checkpoint/expert_tensors.hpp"

namespace moeplan::models {

class SeparateExperts : public ExpertTensors {
 public:
  SeparateExperts(const Checkpoint& checkpoint, const ExpertNames& names, const MoeFfn& moe,
                  std::int64_t hidden);
  ExpertWeights load(std::int32_t expert) const override;
  void declare(const LayerPlan& plan, CheckpointWriter& writer) const override;
  void copy(std::int32_t expert, std::size_t index, CheckpointWriter& writer) const override;
  void store(const ExpertWeights& weights, std::int32_t anchor, std::size_t index,
             CheckpointWriter& writer) const override;
  void release(std::int32_t expert) const override;
  bool owns(const std::string& tensor) const override;

 private:
  void check(const MoeFfn& moe, std::int64_t hidden) const;
  void check_mergeable(std::int32_t expert) const;
  FloatMatrix matrix(std::int32_t expert, const std::string& tensor) const;
  void store_matrix(const FloatMatrix& matrix, std::int32_t anchor, const std::string& tensor,
                    std::size_t index, CheckpointWriter& writer) const;

  const Checkpoint& checkpoint_;
  ExpertNames names_;
  std::map<std::int32_t, std::set<std::string>> tensors_;  // expert -> its tensors' ends
};

}  // namespace moeplan::models
