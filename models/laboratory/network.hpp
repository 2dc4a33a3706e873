#pragma once
// Network: a small SMoE classifier, the decoder of Qwen3-MoE on one position (where attention has
// nothing to mix and is left out):
//   n = rms_norm(h), p = softmax(router n), e = argmax p,  h += p_e expert_e(n)      every layer
//   expert(n) = out (silu(gate n) * (in n))
//   logits = head rms_norm(h)
// Top-1 routing with the router's probability as factor, capacity and load-balancing loss as in
// Fedus, Zoph, Shazeer, Switch Transformers, arXiv:2101.03961, section 2. One expert: the dense
// baseline, whose router always says 1.

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "models/pruning/expert_weights.hpp"

namespace moeplan::models {

struct NetworkShape {
  std::int64_t hidden = 32;
  std::int64_t intermediate = 32;  // of each expert
  std::int64_t classes = 8;
  std::int64_t layers = 2;
  std::int64_t experts = 8;  // in every layer
};

struct SmoeLayer {
  Eigen::VectorXf norm;                // [hidden]
  FloatMatrix router;                  // [experts x hidden]
  std::vector<ExpertWeights> experts;  // gated, without biases
};

struct Network {
  std::vector<SmoeLayer> layers;
  Eigen::VectorXf final_norm;  // [hidden]
  FloatMatrix head;            // [classes x hidden]
};

// Seeded normal weights; norms 1.
Network random_network(const NetworkShape& shape, std::uint64_t seed);
// The same shapes, all 0.
Network zeros_like(const Network& network);

// All parameters, or only the routers', in a fixed order: what optimisers walk over.
std::vector<std::span<float>> parameters(Network& network);
std::vector<std::span<float>> router_parameters(Network& network);
std::int64_t parameter_count(const Network& network);

struct RoutingRules {
  // Switch: an expert takes ceil(factor x tokens / experts) tokens of a batch, at least 4, the
  // first ones; the others pass the layer by. nullopt: no limit.
  std::optional<double> capacity_factor;
  double balance = 0.0;  // alpha of  alpha x experts x sum_e f_e P_e,  per layer
};

// What one layer did to a batch; the backward pass reads it.
struct LayerPass {
  FloatMatrix input;             // [tokens x hidden]
  FloatMatrix normed;            // [tokens x hidden]
  Eigen::VectorXf inverse_rms;   // [tokens]
  FloatMatrix logits;            // [tokens x experts]
  FloatMatrix probabilities;     // [tokens x experts]
  std::vector<double> fraction;  // [experts], f: share of tokens whose favourite it is
  struct Expert {
    std::vector<std::int32_t> tokens;  // that it takes, ascending
    FloatMatrix x;                     // [its tokens x hidden]
    FloatMatrix in;                    // [its tokens x intermediate], before the gate
    FloatMatrix gate;                  // the same, before silu
    FloatMatrix product;               // silu(gate) * in
    FloatMatrix y;                     // [its tokens x hidden], before the factor p
  };
  std::vector<Expert> experts;
  std::int64_t dropped = 0;  // tokens over capacity
};

struct Pass {
  std::vector<LayerPass> layers;
  FloatMatrix hidden;           // [tokens x hidden], before the last norm
  FloatMatrix normed;           // after it
  Eigen::VectorXf inverse_rms;  // of it
  FloatMatrix logits;           // [tokens x classes]
};

// inputs: [tokens x hidden]. Reuses what `pass` holds.
void forward(const Network& network, const FloatMatrix& inputs, const RoutingRules& rules,
             Pass& pass);

// Mean cross entropy plus the balance loss; adds its gradient to `gradient` (zeros_like).
// labels: [tokens], below classes.
double backward(const Network& network, const Pass& pass, std::span<const std::int32_t> labels,
                const RoutingRules& rules, Network& gradient);

}  // namespace moeplan::models
