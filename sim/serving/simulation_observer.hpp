#pragma once
// SimulationObserver: is told what the event loop does, as it does it (timelines, tests of
// invariants). Observers look and change nothing: a trace is the same with and without one, and a
// run without one pays a comparison an event.

#include <cstdint>
#include <span>

#include "sim/result/serving_trace.hpp"
#include "sim/serving/batch.hpp"
#include "sim/serving/plain_scheduler.hpp"

namespace moeplan::sim {

// Of one engine, all its ranks together.
struct EngineState {
  std::int64_t running = 0;  // requests that hold a place in the batch
  std::int64_t waiting = 0;
  std::int64_t used_blocks = 0;  // of the KV caches
};

struct StepBegin {
  std::int32_t replica = 0;
  SimTime begin;
  SimTime end;
  PhaseTimes phases;                      // of this step: they add up to end - begin, with jitter
  std::span<const RankBatch> ranks;       // [data_parallel]
  std::span<const StepOutcome> outcomes;  // [data_parallel]: first_scheduled, resumed, preempted
  EngineState state;                      // during the step
};

struct StepEnd {
  std::int32_t replica = 0;
  SimTime end;
  std::span<const StepOutcome> outcomes;    // also first_token, late_tokens, completed
  EngineState state;                        // after the step
  std::span<const RequestRecord> requests;  // of the trace so far
};

class SimulationObserver {
 public:
  virtual ~SimulationObserver() = default;
  // Request `index` of the trace has arrived, at record.arrival; record.status says whether it was
  // rejected (an engine may still reject one from the shared queue later).
  virtual void arrived(std::int32_t index, const RequestRecord& record) = 0;
  virtual void step_began(const StepBegin& step) = 0;
  virtual void step_ended(const StepEnd& step) = 0;
};

}  // namespace moeplan::sim
