#pragma once
// Every printed forward pass of Sarkar et al. 2024 beside what the law of static passes predicts.

#include <string>
#include <vector>

#include "models/latency/published_forward.hpp"
#include "models/latency/static_forward.hpp"

namespace moeplan::tests {

struct ForwardRow {
  models::ForwardPoint point;
  models::StaticEstimate estimate;
  double predicted_s = 0.0;  // in the quantity of the point
  double error = 0.0;        // predicted / printed - 1
};

// A parameter count that the paper prints, and ours; weights of one of its GPUs.
struct ParameterRow {
  std::string model;
  double printed = 0.0;  // parameters
  double counted = 0.0;
  double weights_bytes = 0.0;  // of a GPU when two share the experts, bf16
};

// All points of models/data/published/sarkar-2024.yaml, by the committed law, in the file's order.
std::vector<ForwardRow> forward_rows();

// Of the rows of a figure, those of a quantity; "all2all + experts" of figure 4 as sums: the two
// timers of one MoE layer, since the law puts the growth with experts into the loop and the printed
// timers into the All2All.
std::vector<ForwardRow> rows_of(const std::vector<ForwardRow>& rows, const std::string& figure,
                                models::ForwardQuantity quantity);
struct LayerRow {
  std::string model;
  double local_experts = 0.0;
  double predicted_s = 0.0;
  double printed_s = 0.0;
};
std::vector<LayerRow> layer_rows(const std::vector<ForwardRow>& rows);

std::vector<ParameterRow> parameter_rows();

}  // namespace moeplan::tests
