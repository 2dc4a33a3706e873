#pragma once
// ServingTrace: what happened in one run: every request's instants and the totals of every step.
// Raw integers only; percentiles and money are made from it by summarize (result.hpp).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/engine/sim_time.hpp"
#include "sim/result/expert_rows.hpp"
#include "sim/result/gap_log.hpp"
#include "sim/result/lock_step.hpp"
#include "sim/result/phase.hpp"

namespace moeplan::sim {

enum class RequestStatus : std::uint8_t {
  unfinished,          // still queued or running when the run ended
  completed,           //
  rejected_too_long,   // prompt + output above the model length
  rejected_too_large,  // its KV cache alone exceeds the rank's blocks
};

// 48 bytes: a run of ten million requests holds them all.
struct RequestRecord {
  SimTime arrival;
  SimTime scheduled;    // first time in a batch
  SimTime first_token;  // end of the step that emitted token 1
  SimTime completion;   // end of the step that emitted the last token
  std::int32_t prompt_tokens = 0;
  std::int32_t output_tokens = 0;
  std::int32_t in_system = 0;  // requests in the system when this one arrived, itself not counted
  std::uint32_t preemptions : 24 = 0;
  RequestStatus status : 8 = RequestStatus::unfinished;
  friend bool operator==(const RequestRecord&, const RequestRecord&) = default;
};
static_assert(sizeof(RequestRecord) == 48);

// The way of a request's KV cache from a prefill to a decode engine.
struct KvMove {
  std::int32_t request = 0;
  SimTime handed_over;  // end of the step that emitted token 1
  SimTime begin;        // the decode engine has the blocks
  SimTime end;
};

// What prefill/decode disaggregation adds to a trace.
struct HandoverTrace {
  std::vector<KvMove> moves;  // in order of their ends
  SimDuration prefill_busy;   // steps' durations, over the prefill engines; part of `busy`
  std::int64_t prefill_peak_kv_blocks = 0;  // of the fullest prefill rank
};

struct ServingTrace {
  std::vector<RequestRecord> requests;  // order of arrival
  GapLog gaps;                          // between tokens of a request
  // Over all steps of all replicas; adds up to `busy`. With jitter, what it adds or takes in sum is
  // spread in proportion.
  PhaseTimes phases;
  SimTime end;       // last event
  SimDuration busy;  // steps' durations, over all replicas
  std::int64_t steps = 0;
  std::int64_t batched_tokens = 0;     // tokens entering steps, recomputed ones included
  std::int64_t sequence_steps = 0;     // sum of scheduled sequences over steps
  std::int64_t prompt_tokens = 0;      // computed for the first time
  std::int64_t cached_tokens = 0;      // of prompts, found in a prefix cache instead
  bool prefix_caching = false;         // there was one
  std::int64_t recomputed_tokens = 0;  // computed again after a preemption
  std::int64_t output_tokens = 0;      // emitted
  std::int64_t preemptions = 0;
  std::int64_t steps_out_of_blocks = 0;     // steps in which a request waited for KV blocks
  std::int64_t steps_at_max_sequences = 0;  // steps in which one waited for a sequence slot
  std::int64_t peak_kv_blocks = 0;          // of the fullest rank
  std::int64_t blocks_at_end = 0;           // 0 when everything drained
  ExpertRows expert_rows;                   // over all steps; expectations, not integers
  LockStepTotals lock_step;                 // of engines with several data-parallel ranks
  // Time during which prompts resp. decodes occupied the device, split by tokens in each step.
  SimDuration prefill_time;
  SimDuration decode_time;
  std::optional<HandoverTrace> handover;  // then peak_kv_blocks is that of the decode ranks
  bool aborted = false;                   // stopped early because the queue outgrew its bound
  std::vector<std::string> extrapolated;  // laws evaluated outside their measured range, sorted
};

}  // namespace moeplan::sim
