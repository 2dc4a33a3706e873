#pragma once
// PipelineStepCost: what a batch costs in every stage of a pipeline-parallel engine, each stage
// priced by a ModelStepCost of its layers. cost() is their sum: the time of a batch that never
// waits for another.

#include <memory>
#include <vector>

#include "sim/deployment/pipeline.hpp"
#include "sim/serving/model_step_cost.hpp"

namespace moeplan::sim {

class PipelineStepCost : public StepCost {
 public:
  // As ModelStepCost.
  explicit PipelineStepCost(const Deployment& deployment, const LawErrors& errors = {});

  PhaseTimes cost(std::span<const RankBatch> ranks) override;
  void staged(std::span<const RankBatch> ranks, std::vector<PhaseTimes>& parts) override;
  ExpertRows expert_rows(std::span<const RankBatch> ranks) override;
  LockStep lock_step() const override;
  void begin_run() override;
  std::vector<std::string> extrapolated() const override;

 private:
  std::vector<Deployment> deployments_;                 // [stages]
  std::vector<std::unique_ptr<ModelStepCost>> stages_;  //
  std::vector<PhaseTimes> parts_;
};

// The cost of a deployment's steps: of one stage, or of all. Arguments as ModelStepCost.
std::unique_ptr<StepCost> make_step_cost(const Deployment& deployment,
                                         const LawErrors& errors = {});

}  // namespace moeplan::sim
