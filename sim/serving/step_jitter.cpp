#include "sim/serving/step_jitter.hpp"

#include <cmath>

namespace moeplan::sim {

void StepJitter::draw() {
  for (double& factor : factors_) {
    factor = stream_.normal();
  }
  for (double& factor : factors_) {
    factor = std::exp(sigma_ * factor - 0.5 * sigma_ * sigma_);
  }
  next_ = 0;
}

}  // namespace moeplan::sim
