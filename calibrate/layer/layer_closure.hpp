#pragma once
// Layer closure: what the laws of the parts say of a whole SMoE layer over the ranks of one node,
// and the layers that hold them to it. None of these layers is in a kernel sweep's grid.

#include <vector>

#include "calibrate/layer/layer_shape.hpp"
#include "models/latency/cost_laws.hpp"

namespace moeplan::calibrate {

// 20 layers: 4 to 64 experts, some of them the halves that pruning leaves of others, 1 to 4096
// tokens of a rank, even and skewed routers. The same for every number of ranks.
std::vector<LayerShape> closure_layers();

struct LayerEstimate {
  Seconds router;    // scores and top k of a rank's tokens
  Seconds dispatch;  // counts, then rows, to the ranks of the experts
  Seconds experts;   // of the rank with most to do: permute, products, activation, weighted sum
  Seconds regroup;   // rows by source to rows by expert, and back
  Seconds combine;   // rows back
  bool extrapolated = false;

  Seconds total() const { return router + dispatch + experts + regroup + combine; }
};

// The parts as the simulator prices them (serving.md 2), for the pairs that the layer's router
// really gives: the busiest rank's experts, and exchanges as long as the busiest rank's, counted
// with the share that stays. A rank's experts are a layer of their own to the expert law: kernels
// of a CPU permute the rank's own pairs only.
LayerEstimate estimate_layer(const LayerShape& shape, int ranks, const models::CostLaws& laws);

}  // namespace moeplan::calibrate
