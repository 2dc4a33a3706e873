#pragma once
// Phase: what a step's time is spent on. Every law of serving.md 2 belongs to exactly one phase, so
// the phases of a step add up to its duration to the picosecond.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

enum class Phase : std::size_t {
  host,        // scheduler and sampling, between steps
  launch,      // kernels started one by one, in steps with prompts outside CUDA graphs
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
  // Of engines with pipeline stages.
  pipeline_transfer,  // activations from stage to stage
  pipeline_wait,      // for a stage (or the host) that is busy with another batch
};
inline constexpr std::size_t kPhaseCount = 14;

// "host", "norm", ...
std::string_view name_of(Phase phase);

// Durations by phase of one step or of a whole run.
class PhaseTimes {
 public:
  SimDuration operator[](Phase phase) const {
    return SimDuration(picoseconds_[static_cast<std::size_t>(phase)]);
  }
  void set(Phase phase, SimDuration duration) {
    picoseconds_[static_cast<std::size_t>(phase)] = duration.picoseconds();
  }
  SimDuration total() const {
    std::int64_t sum = 0;
    for (const std::int64_t time : picoseconds_) {
      sum += time;
    }
    return SimDuration(sum);
  }
  PhaseTimes& operator+=(const PhaseTimes& other) {
    for (std::size_t i = 0; i < kPhaseCount; ++i) {
      picoseconds_[i] += other.picoseconds_[i];
    }
    return *this;
  }
  PhaseTimes& operator-=(const PhaseTimes& other) {
    for (std::size_t i = 0; i < kPhaseCount; ++i) {
      picoseconds_[i] -= other.picoseconds_[i];
    }
    return *this;
  }
  // All phases `times` over.
  PhaseTimes& operator*=(std::int64_t times) {
    for (std::int64_t& time : picoseconds_) {
      time *= times;
    }
    return *this;
  }
  // Stretched in proportion so that total() is `total`: the running sums are scaled and rounded
  // down. Unchanged when there is nothing to stretch.
  void scale_to(SimDuration total);
  friend bool operator==(const PhaseTimes&, const PhaseTimes&) = default;
  // The phase that takes most of the time, the first of equal ones.
  Phase largest() const;
  // The share of dispatch and combine, 0 for an empty run.
  double exchange_share() const;

 private:
  // Plain integers: sums of runs stay below the 106 days that the engine's clock checks.
  std::array<std::int64_t, kPhaseCount> picoseconds_{};
};

}  // namespace moeplan::sim
