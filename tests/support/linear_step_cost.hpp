#pragma once
// LinearStepCost: a step price that a person can add up by hand:
//   step = per_step + per_prefill_token x prompt tokens + per_decode x decoding sequences
// all of it in one phase, the slowest rank counting. For tests of the serving layer.

#include <algorithm>

#include "sim/serving/batch.hpp"

namespace moeplan::tests {

class LinearStepCost : public sim::StepCost {
 public:
  LinearStepCost(Seconds per_step, Seconds per_prefill_token, Seconds per_decode)
      : per_step_(sim::duration_from(per_step)),
        per_prefill_token_(sim::duration_from(per_prefill_token)),
        per_decode_(sim::duration_from(per_decode)) {}

  sim::PhaseTimes cost(std::span<const sim::RankBatch> ranks) override {
    sim::SimDuration slowest;
    for (const sim::RankBatch& rank : ranks) {
      slowest = std::max(
          slowest, per_prefill_token_ * rank.prefill_tokens + per_decode_ * rank.decode_sequences);
    }
    sim::PhaseTimes times;
    times.set(sim::Phase::host, per_step_);
    times.set(sim::Phase::expert, slowest);
    return times;
  }
  std::optional<sim::DecodeLine> decode_line(std::int64_t sequences, std::int64_t) override {
    sim::DecodeLine line;
    line.base.set(sim::Phase::host, per_step_);
    line.base.set(sim::Phase::expert, per_decode_ * sequences);
    return line;
  }

 private:
  sim::SimDuration per_step_;
  sim::SimDuration per_prefill_token_;
  sim::SimDuration per_decode_;
};

}  // namespace moeplan::tests
