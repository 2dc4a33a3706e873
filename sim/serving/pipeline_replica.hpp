#pragma once
// PipelineReplica: one serving engine whose layers lie on several pipeline stages, with as many
// batches in flight as there are stages. Simulated is what vLLM V1 (0.19) does with its batch
// queue:
//   - whenever fewer batches are in flight than there are stages, the scheduler makes another batch
//     of what is not on its way (PipelineScheduler). It goes on until it has nothing to add; then
//     it waits for the oldest batch, and requests that arrive meanwhile wait with it;
//   - a batch takes the host's time, then passes all stages in order; the host and every stage work
//     on one batch at a time, first come first served, so batches end in order;
//   - a stage is busy while it receives its input (Phase::pipeline_transfer), the sender is not;
//   - data-parallel ranks are in lock-step: a batch of the engine is one of every rank.
// So sequences are divided over batches by when they came, not evenly: batches that are alone in
// the pipeline leave the other stages idle, as in vLLM. Not simulated: the way of sampled tokens
// back to the first stage (in the host's time), and arrivals while the host prepares a batch (they
// join the next one). The interface is EngineReplica's; simulate() drives either.

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "sim/serving/engine_replica.hpp"
#include "sim/serving/pipeline_scheduler.hpp"

namespace moeplan::sim {

class PipelineReplica {
 public:
  PipelineReplica(const EngineLimits& limits, StepCost& cost, const RandomStream& jitter);

  // There is no prefix caching here: shared is empty, and nothing is ever found.
  bool enqueue(std::int32_t request, ServingTrace& trace,
               std::span<const std::uint64_t> shared = {});
  std::int64_t hit_tokens(std::span<const std::uint64_t>, std::int64_t) const { return 0; }

  // Starts another batch, if one more may be in flight and there is something to compute; returns
  // when it will have passed all stages.
  std::optional<SimTime> start_step(SimTime now, ServingTrace& trace);

  // The oldest batch ends at `now`.
  void finish_step(SimTime now, ServingTrace& trace, std::vector<std::int32_t>& completed);

  // Of the batch started or ended last.
  std::span<const RankBatch> batches() const { return batches_; }
  std::span<const StepOutcome> outcomes() const { return outcomes_; }

  // No batch can be started before one ends.
  bool is_stepping() const {
    return stalled_ || in_flight_ == static_cast<std::int64_t>(limits_.pipeline_parallel);
  }
  std::int64_t waiting() const;
  std::int64_t in_system() const;
  std::int64_t used_blocks() const;

 private:
  // When the batch will have passed the host and all stages; counts its phases.
  SimTime pass_stages(SimTime now, ServingTrace& trace);
  void record(SimTime now, ServingTrace& trace);

  EngineLimits limits_;
  StepCost* cost_;
  StepJitter jitter_;
  std::vector<PipelineScheduler> ranks_;
  std::vector<RankBatch> batches_;     // [data_parallel]
  std::vector<StepOutcome> outcomes_;  // [data_parallel]
  std::vector<PhaseTimes> parts_;      // host and stages
  std::vector<SimTime> free_;          // [parts] when each is done with what was started
  std::vector<SimTime> batch_ends_;    // [batches that ended]
  std::int64_t in_flight_ = 0;
  bool stalled_ = false;  // nothing to add until a batch ends
  SimTime last_end_;      // of the batches started
};

}  // namespace moeplan::sim
