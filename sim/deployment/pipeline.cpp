#include "sim/deployment/pipeline.hpp"

#include <memory>

#include "models/units/require.hpp"

namespace moeplan::sim {

std::vector<LayerRange> stage_layers(std::size_t layers, int stages) {
  const auto count = static_cast<std::size_t>(stages);
  require(stages >= 1 && count <= layers, "a pipeline has at least one layer a stage");
  std::vector<std::size_t> sizes(count, layers / count);
  for (std::size_t i = 0; i < layers % count; ++i) {
    ++sizes[count - 2 - i];
  }
  std::vector<LayerRange> ranges;
  std::size_t begin = 0;
  for (const std::size_t size : sizes) {
    ranges.push_back({begin, begin + size});
    begin += size;
  }
  return ranges;
}

models::SmoeArchitecture stage_architecture(const models::SmoeArchitecture& architecture,
                                            const LayerRange& layers) {
  models::SmoeArchitecture part = architecture;
  part.layers.assign(architecture.layers.begin() + static_cast<std::ptrdiff_t>(layers.begin),
                     architecture.layers.begin() + static_cast<std::ptrdiff_t>(layers.end));
  return part;
}

StagePlace place_of(const Candidate& candidate, int stage, int gpus_per_node) {
  StagePlace place{.first = stage == 0, .last = stage + 1 == candidate.pipeline_parallel};
  if (stage > 0) {
    const int first_gpu = stage * candidate.stage_gpus();
    // Whole stages share a node, or a stage fills whole nodes (checked before).
    const bool same = first_gpu / gpus_per_node == (first_gpu - 1) / gpus_per_node;
    place.hop_nodes = same ? 1 : 2;
  }
  return place;
}

std::vector<Deployment> stages_of(const Deployment& deployment) {
  const Candidate& whole = deployment.candidate;
  if (whole.pipeline_parallel == 1) {
    return {deployment};
  }
  const auto ranges = stage_layers(deployment.architecture.layers.size(), whole.pipeline_parallel);
  std::shared_ptr<const models::PrunedModel> pruned;
  if (whole.experts_kept > 0) {
    pruned = deployment.scenario->routing.at(whole.experts_kept);
  }
  std::vector<Deployment> stages;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    Deployment stage = deployment;
    stage.architecture = stage_architecture(deployment.architecture, ranges[i]);
    stage.place = place_of(whole, static_cast<int>(i), deployment.hardware().gpu.gpus_per_node);
    stage.candidate.pipeline_parallel = 1;
    stage.candidate.gpus = whole.stage_gpus();
    stage.experts.clear();
    if (pruned != nullptr) {
      const models::SmoeArchitecture before =
          stage_architecture(deployment.architecture, {0, ranges[i].begin});
      stage.experts = expert_layers(stage.architecture, pruned->routing, before.moe_layers().size(),
                                    whole.expert_ranks(), whole.placement, whole.redundant_experts);
    }
    stages.push_back(std::move(stage));
  }
  return stages;
}

}  // namespace moeplan::sim
