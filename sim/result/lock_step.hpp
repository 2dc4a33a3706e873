#pragma once
// LockStep: what data-parallel ranks lose by waiting for the slowest of them, in one step or a run.

#include <algorithm>
#include <cstdint>

#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

// Of one step. Own work: what a rank does for its own tokens alone (attention, projections, norms,
// router, dense layers, head; not experts and exchange, which all ranks do together, nor the host).
struct LockStep {
  SimDuration slowest;  // own work of the slowest rank; of a pipeline, the stages' sum
  SimDuration waiting;  // of the mean rank: mean over ranks of (slowest - own), rounded down
};

// Over all steps of a run; nothing is counted for engines of one rank.
struct LockStepTotals {
  std::int64_t steps = 0;             // of engines with several ranks
  std::int64_t rank_steps = 0;        // steps x ranks
  std::int64_t dummy_batches = 0;     // rank-steps without tokens while another rank had some
  std::int64_t steps_with_dummy = 0;  // steps in which at least one rank ran a dummy batch
  std::int64_t tokens = 0;            // of all ranks
  std::int64_t largest_tokens = 0;    // of the fullest rank, summed over steps
  SimDuration slowest;                // sums of LockStep
  SimDuration waiting;                //
  SimDuration priced;                 // the steps' durations before jitter, stages one by one
  friend bool operator==(const LockStepTotals&, const LockStepTotals&) = default;

  // One step of `ranks` (RankBatch each) that took `duration` before jitter.
  template <class Batches>
  void add(const Batches& ranks, const LockStep& step, SimDuration duration) {
    std::int64_t largest = 0;
    std::int64_t dummies = 0;
    for (const auto& batch : ranks) {
      largest = std::max(largest, batch.tokens());
      tokens += batch.tokens();
      dummies += batch.tokens() == 0 ? 1 : 0;
    }
    ++steps;
    rank_steps += static_cast<std::int64_t>(ranks.size());
    dummy_batches += dummies;
    steps_with_dummy += dummies > 0 ? 1 : 0;
    largest_tokens += largest;
    slowest += step.slowest;
    waiting += step.waiting;
    priced += duration;
  }
};

// The same as shares.
struct LockStepUse {
  double idle_fraction = 0.0;           // of step time: the mean rank waits for the slowest
  double own_work_idle_fraction = 0.0;  // of own work: 1 - mean / slowest, weighted by time
  std::int64_t dummy_batches = 0;
  double dummy_fraction = 0.0;             // of rank-steps
  double steps_with_dummy_fraction = 0.0;  // of steps
  double largest_over_mean_tokens = 1.0;   // tokens of the fullest rank / mean of all, over steps
};

}  // namespace moeplan::sim
