#pragma once
// Private to models/checkpoint: experts in tensors over all of them (gpt-oss), not transposed as
// linear layers are: gate_up_proj [experts x hidden x 2 intermediate] with the gate in even and up
// in odd columns, down_proj [experts x intermediate x hidden].

#include <set>
#include <string>
#include <vector>

#include "models/checkpoint/expert_tensors.hpp"

namespace moeplan::models {

class FusedExperts : public ExpertTensors {
 public:
  FusedExperts(const Checkpoint& checkpoint, const ExpertNames& names, const MoeFfn& moe,
               std::int64_t hidden);
  ExpertWeights load(std::int32_t expert) const override;
  void declare(const LayerPlan& plan, CheckpointWriter& writer) const override;
  void copy(std::int32_t expert, std::size_t index, CheckpointWriter& writer) const override;
  void store(const ExpertWeights& weights, std::int32_t anchor, std::size_t index,
             CheckpointWriter& writer) const override;
  void release(std::int32_t expert) const override;
  bool owns(const std::string& tensor) const override { return tensors_.contains(tensor); }

 private:
  std::span<const std::byte> part(const std::string& tensor, std::int32_t expert) const;
  std::vector<float> numbers(const std::string& tensor, std::int32_t expert) const;
  void store_part(const std::string& tensor, const std::vector<float>& numbers, std::size_t index,
                  CheckpointWriter& writer) const;

  const Checkpoint& checkpoint_;
  std::string gate_up_;
  std::string down_;
  std::int64_t experts_;
  Eigen::Index hidden_;
  Eigen::Index intermediate_;
  std::set<std::string> tensors_;
};

}  // namespace moeplan::models
