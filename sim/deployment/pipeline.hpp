#pragma once
// Pipeline parallelism: which layers each stage of an engine holds, and a stage as a deployment of
// its own, so that everything below prices and fills one stage at a time.

#include <cstddef>
#include <vector>

#include "sim/deployment/deployment.hpp"

namespace moeplan::sim {

// Layers [begin, end) of an architecture.
struct LayerRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t count() const { return end - begin; }
  friend bool operator==(const LayerRange&, const LayerRange&) = default;
};

// Contiguous layers by stage: layers / stages each, and the remaining ones one each to the stages
// before the last, from the back (7 over 3: 2, 3, 2; 61 over 4: 15, 15, 16, 15), because the last
// stage has the head. Throws: std::logic_error unless 1 <= stages <= layers.
// Source: get_pp_indices, vllm/distributed/utils.py, vLLM 0.19.
std::vector<LayerRange> stage_layers(std::size_t layers, int stages);

// The engine's stages in order, each with its layers, its GPUs (tensor_parallel x data_parallel)
// and the engine's memory budget. Stages take the GPUs in order, stage by stage (SGLang's order;
// vLLM's without data parallelism). One stage: a copy of the deployment.
std::vector<Deployment> stages_of(const Deployment& deployment);

// The architecture of one stage: its layers alone.
models::SmoeArchitecture stage_architecture(const models::SmoeArchitecture& architecture,
                                            const LayerRange& layers);

// Where stage `stage` stands among its candidate's. Nodes fill in order.
StagePlace place_of(const Candidate& candidate, int stage, int gpus_per_node);

}  // namespace moeplan::sim
