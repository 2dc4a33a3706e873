#include "sim/serving/pipeline_step_cost.hpp"

#include <set>

namespace moeplan::sim {

PipelineStepCost::PipelineStepCost(const Deployment& deployment, const LawErrors& errors)
    : deployments_(stages_of(deployment)) {
  for (const Deployment& stage : deployments_) {
    stages_.push_back(std::make_unique<ModelStepCost>(stage, errors));
  }
}

void PipelineStepCost::staged(std::span<const RankBatch> ranks, std::vector<PhaseTimes>& parts) {
  parts.assign(stages_.size() + 1, PhaseTimes{});
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    PhaseTimes& part = parts[i + 1];
    part = stages_[i]->cost(ranks);
    // One scheduler for all stages.
    parts[0].set(Phase::host, part[Phase::host]);
    part.set(Phase::host, SimDuration(0));
  }
}

PhaseTimes PipelineStepCost::cost(std::span<const RankBatch> ranks) {
  staged(ranks, parts_);
  PhaseTimes sum;
  for (const PhaseTimes& part : parts_) {
    sum += part;
  }
  return sum;
}

ExpertRows PipelineStepCost::expert_rows(std::span<const RankBatch> ranks) {
  ExpertRows sum;
  for (const auto& stage : stages_) {
    sum += stage->expert_rows(ranks);
  }
  return sum;
}

// Every stage waits for its own slowest rank.
LockStep PipelineStepCost::lock_step() const {
  LockStep sum;
  for (const auto& stage : stages_) {
    const LockStep own = stage->lock_step();
    sum.slowest += own.slowest;
    sum.waiting += own.waiting;
  }
  return sum;
}

void PipelineStepCost::begin_run() {
  for (const auto& stage : stages_) {
    stage->begin_run();
  }
}

std::vector<std::string> PipelineStepCost::extrapolated() const {
  std::set<std::string> all;
  for (const auto& stage : stages_) {
    const std::vector<std::string> own = stage->extrapolated();
    all.insert(own.begin(), own.end());
  }
  return {all.begin(), all.end()};
}

std::unique_ptr<StepCost> make_step_cost(const Deployment& deployment, const LawErrors& errors) {
  if (deployment.candidate.pipeline_parallel == 1) {
    return std::make_unique<ModelStepCost>(deployment, errors);
  }
  return std::make_unique<PipelineStepCost>(deployment, errors);
}

}  // namespace moeplan::sim
