#pragma once
// StepJitter: the factor of mean 1 that a step's duration is multiplied with (serving.md 7): one
// log-normal draw per step, from the replica's own stream.

#include <array>
#include <cmath>
#include <cstdint>

#include "sim/engine/random_stream.hpp"
#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

class StepJitter {
 public:
  // sigma: standard deviation of the factor's logarithm; 0: every factor is 1, nothing is drawn.
  StepJitter(double sigma, const RandomStream& stream) : sigma_(sigma), stream_(stream) {}

  bool is_on() const { return sigma_ > 0.0; }

  // duration x exp(sigma Z - sigma^2 / 2), rounded to picoseconds; E[factor] = 1.
  SimDuration apply(SimDuration duration) {
    if (next_ == factors_.size()) {
      draw();
    }
    return SimDuration(
        std::llround(static_cast<double>(duration.picoseconds()) * factors_[next_++]));
  }

 private:
  // Factors are drawn some ahead: independent draws overlap in the processor.
  void draw();

  double sigma_;
  RandomStream stream_;
  std::array<double, 64> factors_{};
  std::size_t next_ = 64;
};

}  // namespace moeplan::sim
