#include "models/pruning/expert_weights.hpp"

#include <cmath>

#include "models/pruning/linear_assignment.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

bool fits(const Eigen::VectorXf& bias, Eigen::Index size) {
  return bias.size() == 0 || bias.size() == size;
}

bool same_shape(const FloatMatrix& a, const FloatMatrix& b) {
  return a.rows() == b.rows() && a.cols() == b.cols();
}

FloatMatrix rows_in_order(const FloatMatrix& matrix, const std::vector<std::int32_t>& order) {
  FloatMatrix result(matrix.rows(), matrix.cols());
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    result.row(i) = matrix.row(order[static_cast<std::size_t>(i)]);
  }
  return result;
}

Eigen::VectorXf in_order(const Eigen::VectorXf& bias, const std::vector<std::int32_t>& order) {
  Eigen::VectorXf result(bias.size());
  for (Eigen::Index i = 0; i < bias.size(); ++i) {
    result(i) = bias(order[static_cast<std::size_t>(i)]);
  }
  return result;
}

double squared_norm(const ExpertWeights& e) {
  return e.in.cast<double>().squaredNorm() + e.gate.cast<double>().squaredNorm() +
         e.out.cast<double>().squaredNorm() + e.in_bias.cast<double>().squaredNorm() +
         e.gate_bias.cast<double>().squaredNorm();
}

// costs -= anchor member^T, the outer product of two biases.
void subtract_outer(const Eigen::VectorXf& anchor, const Eigen::VectorXf& member,
                    FloatMatrix& costs) {
  if (anchor.size() > 0) {
    costs.noalias() -= anchor * member.transpose();
  }
}

}  // namespace

void check_shapes(const ExpertWeights& e) {
  const bool good = e.intermediate() >= 1 && e.hidden() >= 1 && e.out.rows() == e.hidden() &&
                    e.out.cols() == e.intermediate() &&
                    (e.gate.size() == 0 || same_shape(e.gate, e.in)) &&
                    fits(e.in_bias, e.intermediate()) && fits(e.gate_bias, e.intermediate()) &&
                    fits(e.out_bias, e.hidden());
  require(good, "the matrices of an expert must fit each other");
}

void check_alike(const ExpertWeights& a, const ExpertWeights& b) {
  check_shapes(a);
  check_shapes(b);
  require(same_shape(a.in, b.in) && same_shape(a.gate, b.gate) &&
              a.in_bias.size() == b.in_bias.size() && a.gate_bias.size() == b.gate_bias.size() &&
              a.out_bias.size() == b.out_bias.size(),
          "experts of a layer have the same shapes");
}

ExpertWeights permuted(const ExpertWeights& expert, const std::vector<std::int32_t>& order) {
  require(order.size() == static_cast<std::size_t>(expert.intermediate()),
          "an order names every neuron");
  ExpertWeights result;
  result.in = rows_in_order(expert.in, order);
  if (expert.gate.size() > 0) {
    result.gate = rows_in_order(expert.gate, order);
  }
  result.out.resize(expert.out.rows(), expert.out.cols());
  for (Eigen::Index i = 0; i < expert.out.rows(); ++i) {
    for (Eigen::Index j = 0; j < expert.out.cols(); ++j) {
      result.out(i, j) = expert.out(i, order[static_cast<std::size_t>(j)]);
    }
  }
  result.in_bias = in_order(expert.in_bias, order);
  result.gate_bias = in_order(expert.gate_bias, order);
  result.out_bias = expert.out_bias;
  return result;
}

Alignment align(const ExpertWeights& anchor, const ExpertWeights& member) {
  check_alike(anchor, member);
  require(anchor.intermediate() <= kLargestIntermediate, "an expert is too wide to be aligned");
  const Eigen::Index n = anchor.intermediate();
  // [anchor's neurons x member's neurons]. Not zeroed first: memory whose zeros are read before
  // they are written faults twice a page, and the second time stops the other threads.
  FloatMatrix costs;
  set_product_abt(-1.0f, anchor.in, member.in, costs);
  if (anchor.gate.size() > 0) {
    add_product_abt(-1.0f, anchor.gate, member.gate, costs);
  }
  add_product_atb(-1.0f, anchor.out, member.out, costs);
  subtract_outer(anchor.in_bias, member.in_bias, costs);
  subtract_outer(anchor.gate_bias, member.gate_bias, costs);

  const double before = -costs.diagonal().cast<double>().sum();
  Assignment found = solve_assignment(costs.data(), static_cast<std::size_t>(n));
  const double norms = std::sqrt(squared_norm(anchor) * squared_norm(member));
  Alignment result;
  result.order = std::move(found.column_of_row);
  if (norms > 0.0) {
    result.cosine_before = before / norms;
    result.cosine_after = -found.cost / norms;
  }
  return result;
}

}  // namespace moeplan::models
