#pragma once
// Private to models/latency: how two resources that work at the same time add up.

#include <algorithm>
#include <cmath>

namespace moeplan::models {

// (a^p + b^p)^(1/p) for a, b >= 0: p = 1 one after the other, p -> infinity perfect overlap.
// Scaled by the larger one, so that no power over- or underflows.
inline double p_norm(double a, double b, double p) {
  const double high = std::max(a, b);
  if (high <= 0.0) {
    return 0.0;
  }
  return high * std::pow(1.0 + std::pow(std::min(a, b) / high, p), 1.0 / p);
}

}  // namespace moeplan::models
