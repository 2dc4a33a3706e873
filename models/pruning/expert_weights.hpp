#pragma once
// ExpertWeights: the matrices of one expert, in memory; neurons are rows of `in` and `gate` and
// columns of `out`:  f(x) = out * (act(gate x + gate_bias) . (in x + in_bias)) + out_bias, or
// out * act(in x + in_bias) + out_bias without a gate.

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "models/pruning/matrix.hpp"

namespace moeplan::models {

struct ExpertWeights {
  FloatMatrix in;             // [intermediate x hidden]
  FloatMatrix gate;           // the same, or empty: two matrices
  FloatMatrix out;            // [hidden x intermediate]
  Eigen::VectorXf in_bias;    // [intermediate], or empty
  Eigen::VectorXf gate_bias;  // [intermediate], or empty
  Eigen::VectorXf out_bias;   // [hidden], or empty

  Eigen::Index hidden() const { return in.cols(); }
  Eigen::Index intermediate() const { return in.rows(); }
};

// Throws: std::logic_error when the matrices do not fit each other.
void check_shapes(const ExpertWeights& expert);
// Throws: std::logic_error when the two have not the same shapes.
void check_alike(const ExpertWeights& a, const ExpertWeights& b);

// Neuron i of the result is neuron order[i] of the expert: the same function.
ExpertWeights permuted(const ExpertWeights& expert, const std::vector<std::int32_t>& order);

struct Alignment {
  std::vector<std::int32_t> order;  // [intermediate]: permuted(member, order) fits the anchor
  // Cosine between the anchor's weights and the member's (all matrices and the biases of neurons,
  // as one vector), before and after; the gain is their difference, >= 0 up to rounding.
  double cosine_before = 0.0;
  double cosine_after = 0.0;
  double gain() const { return cosine_after - cosine_before; }
};

// The order P that maximises
//   <in_a, P in_m> + <gate_a, P gate_m> + <out_a, out_m P^T>  (+ the biases of the neurons)
// by linear assignment. Time: products of 2 x matrices x intermediate^2 x hidden FLOPs and one
// assignment; memory: intermediate^2 floats.
// Throws: std::logic_error for different shapes; std::invalid_argument for weights not finite.
Alignment align(const ExpertWeights& anchor, const ExpertWeights& member);

// The largest expert whose assignment is attempted: its intermediate^2 costs are 4 GiB.
inline constexpr Eigen::Index kLargestIntermediate = 32768;

}  // namespace moeplan::models
