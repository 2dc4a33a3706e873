#pragma once
// ForwardPass: one design of a static scenario - experts kept on so many GPUs - with its time by
// term, its memory and what the capacity does to tokens. A closed form: nothing is simulated.

#include <cstdint>
#include <string>
#include <vector>

#include "models/routing/capacity.hpp"
#include "sim/scenario/static_scenario.hpp"

namespace moeplan::sim {

// Of the fullest GPU. T tokens of a rank, E C rows of buffers, h hidden, V vocabulary.
struct ForwardMemory {
  Bytes capacity;
  Bytes weights;  // attention and dense layers whole, its share of the experts
  Bytes buffers;  // 4 E C h 2: dispatched, received, experts' output, combined; 2 T E C 4 of masks
  Bytes logits;   // T V 2
  Bytes used() const { return weights + buffers + logits; }
};

struct ForwardPass {
  std::size_t hardware = 0;       // index into StaticScenario::hardware
  std::int64_t experts_kept = 0;  // 0: dense
  models::StaticShape shape;
  std::string why_not;              // why it cannot run; "": it can
  models::StaticEstimate estimate;  // empty when it cannot be priced
  models::CapacityUse capacity;     // uniform routing; zeros when dense
  ForwardMemory memory;
  double sd_log = 0.0;  // of ln(time / truth), by the law
};

// Every GPU x experts kept x number of GPUs, in the scenario's order. A pass that does not fit the
// memory has its reason and its time.
std::vector<ForwardPass> forward_passes(const StaticScenario& scenario);

}  // namespace moeplan::sim
