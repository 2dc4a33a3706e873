#pragma once
// PipelineScheduler: continuous batching of one data-parallel rank of an engine that has several
// batches in flight, one for each pipeline stage (vLLM V1, 0.19). The rules of PlainScheduler, and:
//   - a batch holds everything that can be computed and is not on its way already: a sequence waits
//     for its last token before the next one; the chunks of a prompt follow each other in
//     consecutive batches without waiting (the stages are passed in order);
//   - divided over n: no batch holds more than its share of the sequences, 1/n of what runs or
//   could
//     run, rounded up, as engines do that keep a micro-batch for each stage (SGLang);
//   - all batches share the limit on sequences and the KV blocks of the rank;
//   - a sequence that is on its way is not preempted (vLLM takes its cache and drops what returns):
//     when only such sequences could give blocks, the one that needs them waits for their return.
// Source: Scheduler.schedule and EngineCore.step_with_batch_queue, vLLM 0.19 (pull request 13064).

#include <cstdint>
#include <deque>
#include <vector>

#include "sim/serving/plain_scheduler.hpp"

namespace moeplan::sim {

class PipelineScheduler {
 public:
  // divided_over: batches that share the sequences evenly; 1: a batch takes all it can (vLLM).
  explicit PipelineScheduler(const SchedulerLimits& limits, std::int64_t divided_over = 1)
      : limits_(limits), divided_over_(divided_over) {}

  void enqueue(std::int32_t request, std::int32_t prompt, std::int32_t output);

  // The next batch, which is on its way until finish_batch(); empty when nothing can be computed.
  const RankBatch& schedule(StepOutcome& outcome);
  // The batch just scheduled is empty and does not run.
  void withdraw();

  // The oldest batch on its way, number `batch` of the engine, has passed all stages.
  void finish_batch(std::int64_t batch, StepOutcome& outcome);

  std::int64_t waiting() const { return static_cast<std::int64_t>(state_.waiting.size()); }
  std::int64_t running() const { return static_cast<std::int64_t>(running_.size()); }
  std::int64_t used_blocks() const { return state_.used_blocks; }

 private:
  struct Running {
    Sequence sequence;
    std::int32_t issued = 0;  // tokens in the cache or on their way to it
    bool in_flight() const { return issued > sequence.computed; }
  };
  struct Piece {
    std::int64_t order = 0;  // of admission: which sequence
    std::int32_t tokens = 0;
  };
  // Whether the tokens have blocks now, possibly of others; false: not in this batch.
  bool find_blocks(std::size_t index, std::int64_t tokens, StepOutcome& outcome);
  void preempt(std::size_t index, StepOutcome& outcome);
  std::int64_t share() const;  // sequences in a batch

  SchedulerLimits limits_;
  std::int64_t divided_over_;
  SchedulerState state_;          // its `running` stays empty
  std::vector<Running> running_;  // order of admission
  std::deque<std::vector<Piece>> flights_;
  std::vector<Sequence> admitted_;
  RankBatch batch_;
};

}  // namespace moeplan::sim
