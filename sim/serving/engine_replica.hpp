#pragma once
// EngineReplica: one serving engine: data-parallel ranks with a scheduler each, stepping in
// lock-step (serving.md 1). It is driven by simulate(): enqueue, start_step, finish_step.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/result/serving_trace.hpp"
#include "sim/serving/batch.hpp"
#include "sim/serving/scheduler.hpp"
#include "sim/serving/step_jitter.hpp"

namespace moeplan::sim {

struct EngineLimits {
  SchedulerLimits scheduler;  // of each rank
  std::int32_t data_parallel = 1;
  std::int32_t pipeline_parallel = 1;  // above 1: PipelineReplica
  bool divided_batches = false;        // sequences are shared out evenly over its batches
  std::int64_t max_model_length = 0;   // prompt + output
  double jitter = 0.0;                 // standard deviation of the log of the step factor
};

// Why an engine of these limits can never serve a request of these lengths; unfinished: it can.
RequestStatus refusal(const EngineLimits& limits, std::int32_t prompt, std::int32_t output);

// The share of a step's time that its prompt tokens take of all its tokens: money is split between
// input and output by device time.
SimDuration prefill_share(SimDuration step, std::int64_t prefill_tokens, std::int64_t tokens);

class EngineReplica {
 public:
  // The cost must outlive the replica. `jitter` is the replica's own stream.
  EngineReplica(const EngineLimits& limits, StepCost& cost, const RandomStream& jitter);

  // Queues a request on the least loaded rank (least_loaded.hpp); or records why it is rejected and
  // returns false.
  // shared: keys of its first blocks, for prefix caching (PromptBlocks).
  bool enqueue(std::int32_t request, ServingTrace& trace,
               std::span<const std::uint64_t> shared = {});
  // Queues it without asking whether it fits, with an output length of its own; returns the rank.
  std::size_t queue(std::int32_t request, std::int32_t prompt, std::int32_t output,
                    std::span<const std::uint64_t> shared = {});
  // Prompt tokens that a request would find in the cache of the rank that it would be queued on.
  std::int64_t hit_tokens(std::span<const std::uint64_t> shared, std::int64_t prompt) const;

  // Starts a step if idle and there is work; returns its end.
  std::optional<SimTime> start_step(SimTime now, ServingTrace& trace);

  // Ends the running step at `now`; appends the requests that completed. With scheduler.hold a
  // request whose record wants more tokens is done here, but not complete.
  void finish_step(SimTime now, ServingTrace& trace, std::vector<std::int32_t>& completed);

  // Of the running step, or the last one.
  std::span<const RankBatch> batches() const { return batches_; }
  std::span<const StepOutcome> outcomes() const { return outcomes_; }

  Scheduler& rank(std::size_t i) { return ranks_[i]; }
  bool is_stepping() const { return stepping_; }
  std::int64_t waiting() const;
  std::int64_t in_system() const;
  std::int64_t used_blocks() const;

 private:
  EngineLimits limits_;
  StepCost* cost_;
  StepJitter jitter_;
  std::vector<Scheduler> ranks_;
  std::vector<RankBatch> batches_;     // [data_parallel]
  std::vector<StepOutcome> outcomes_;  // [data_parallel]
  std::vector<SimTime> step_ends_;     // [steps]
  bool stepping_ = false;
  SimTime step_start_;
};

}  // namespace moeplan::sim
