#pragma once
// LayerShape: a SMoE layer to be run over real ranks, and the inputs that stand for it: every value
// is a function of a seed and its place, so that any rank, or one alone, can make its part.

#include <cstdint>
#include <string>
#include <vector>

namespace moeplan::calibrate {

struct LayerShape {
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;
  std::int64_t experts = 0;
  std::int64_t top_k = 0;
  std::int64_t tokens = 0;  // of each rank
  double skew = 0.0;        // the router's bias for expert e is -skew ln(e + 1), in standard
                            // deviations of its scores
  std::uint64_t seed = 1;

  // "layer/h256/i512/e16/k2/t64/skew1/p2"
  std::string id(int ranks) const;
};

// Experts of a rank: a block of experts / ranks, the first experts % ranks ranks one more.
// [ranks + 1] first expert of each rank.
std::vector<std::int64_t> first_experts(std::int64_t experts, int ranks);

// [tokens x hidden] of a rank, each value in +-0.5.
std::vector<float> token_rows(const LayerShape& shape, int rank);
// [experts x hidden], scaled so that a token's scores have a standard deviation of about 1.
std::vector<float> router_rows(const LayerShape& shape);
std::vector<float> router_bias(const LayerShape& shape);  // [experts]
// up [2 intermediate x hidden] (gate rows, then up rows) and down [hidden x intermediate] of one
// expert, scaled to keep the size of what passes.
void expert_weights(const LayerShape& shape, std::int64_t expert, float* up, float* down);

// [experts] pairs that the tokens of one rank have for each, by the same scores as the layer's.
std::vector<std::int64_t> routed_pairs_of(const LayerShape& shape, int rank);

// The layer's output for the tokens of one rank [tokens x hidden], computed token by token in plain
// double loops: out = sum over the top k of w_e down_e (silu(gate_e x) * up_e x), w the softmax of
// the scores over the top k. Shares no code with the layer that is measured.
std::vector<double> reference_output(const LayerShape& shape, int rank);

}  // namespace moeplan::calibrate
