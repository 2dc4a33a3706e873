#pragma once
// Models by GPUs: every model of the catalog on four GPUs: sizes, GPUs needed, one decode and one
// prefill step by phase, or the reason why not. One engine inside one node, tensor parallel; the
// smallest number of GPUs that holds the weights and the KV cache of the decode step.

#include <optional>
#include <string>
#include <vector>

#include "sim/deployment/deployment.hpp"
#include "sim/result/phase.hpp"

namespace moeplan::tests {

struct PricedStep {
  std::int64_t tokens = 0;  // of context per sequence (decode), of the prompt (prefill)
  sim::PhaseTimes times;
};

struct ModelOnGpu {
  std::string model;
  std::string gpu;
  models::SmoeArchitecture architecture;
  std::string reason;  // why it does not run there; "" when it does
  sim::Candidate candidate;
  PricedStep decode;
  PricedStep prefill;
  std::vector<std::string> extrapolated;  // laws used outside their measured range
};

// Every model of the catalog x models_by_gpus_columns(), in their order.
std::vector<ModelOnGpu> models_by_gpus();
const std::vector<std::string>& models_by_gpus_columns();

// One row each; seconds and bytes as the shortest text that reads back the same.
std::string models_by_gpus_csv(const std::vector<ModelOnGpu>& table);
// For reading: a section for each GPU.
std::string models_by_gpus_markdown(const std::vector<ModelOnGpu>& table);

}  // namespace moeplan::tests
