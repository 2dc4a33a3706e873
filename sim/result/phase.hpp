#pragma once
// Phase: what a step's time is spent on. Every law of serving.md 2 belongs to exactly one phase, so
// the phases of a step add up to its duration to the picosecond.

#include <array>
#include <cstddef>
#include <string_view>

#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

enum class Phase : std::size_t {
  host,        // scheduler and launches, between steps
  norm,        // norms, rotary embedding, residuals, embedding lookup
  projection,  // q, k, v and output GEMMs
  attention,   // prefill and decode attention
  allreduce,   // tensor-parallel all-reduces of attention and dense layers
  router,      // router GEMM, top-k, permutation where the expert law leaves it out
  dispatch,    // tokens to experts
  expert,      // expert grouped GEMMs of the slowest rank, shared experts beside them
  combine,     // expert outputs back
  dense,       // feed-forward networks of layers without experts
  head,        // lm_head and sampling
};
inline constexpr std::size_t kPhaseCount = 11;

// "host", "norm", ...
std::string_view name_of(Phase phase);

// Durations by phase of one step or of a whole run.
class PhaseTimes {
 public:
  SimDuration& operator[](Phase phase) { return times_[static_cast<std::size_t>(phase)]; }
  SimDuration operator[](Phase phase) const { return times_[static_cast<std::size_t>(phase)]; }
  SimDuration total() const {
    SimDuration sum{};
    for (const SimDuration& time : times_) {
      sum = sum + time;
    }
    return sum;
  }
  PhaseTimes& operator+=(const PhaseTimes& other) {
    for (std::size_t i = 0; i < kPhaseCount; ++i) {
      times_[i] = times_[i] + other.times_[i];
    }
    return *this;
  }
  // Every phase times the factor, rounded to picoseconds.
  void scale(double factor);
  // The share of dispatch and combine, 0 for an empty run.
  double exchange_share() const;

 private:
  std::array<SimDuration, kPhaseCount> times_{};
};

}  // namespace moeplan::sim
