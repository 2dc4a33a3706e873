#pragma once
// Adam, as published: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, p -= rate m^ / (sqrt v^ +
// eps) with m^ = m / (1 - b1^t), v^ = v / (1 - b2^t). Source: D. P. Kingma, J. Ba, Adam: a method
// for stochastic optimization, ICLR 2015, algorithm 1.

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

namespace moeplan::models {

class Adam {
 public:
  struct Options {
    float first = 0.9f;    // b1
    float second = 0.99f;  // b2
    float epsilon = 1e-8f;
  };
  // For parameters of these sizes, in this order.
  Adam(std::span<const std::span<float>> parameters, Options options);

  // One step. Throws: std::logic_error for other sizes.
  void step(std::span<const std::span<float>> parameters,
            std::span<const std::span<float>> gradients, double rate);

 private:
  Options options_;
  std::int64_t steps_ = 0;
  std::vector<Eigen::ArrayXf> means_;
  std::vector<Eigen::ArrayXf> squares_;
};

}  // namespace moeplan::models
