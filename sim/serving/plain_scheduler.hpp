#pragma once
// PlainScheduler: continuous batching of one data-parallel rank, as vLLM V1 does it (serving.md 3):
// running requests first in order of admission, then waiting ones first come first served; chunked
// prefill fills the token budget; KV cache in blocks of 16 tokens; out of blocks, the last running
// request loses its cache, goes to the front of the queue and is computed again.
// Source: docs.vllm.ai, V1 scheduler (vllm/v1/core/sched/scheduler.py), version 0.19.
// It touches every running sequence in every step: the reference that Scheduler must agree with,
// and what Scheduler falls back to where its shortcut does not hold.

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "sim/deployment/kv_block.hpp"
#include "sim/serving/batch.hpp"
#include "sim/serving/prefix_cache.hpp"

namespace moeplan::sim {

struct SchedulerLimits {
  std::int64_t max_sequences = 256;
  std::int64_t max_batched_tokens = 8192;
  std::int64_t kv_blocks = 0;
  bool chunked_prefill = true;  // false: a prompt waits until the rest of the budget holds it whole
  bool plain = false;  // touch every sequence in every step, as PlainScheduler does: the reference
  bool prefix_caching = false;  // see PrefixCache
  // Requests of one output token keep their blocks when they complete, until release(): their cache
  // is to be sent elsewhere.
  bool hold = false;
  // Decodes are not advanced in bulk: blocks have identities, or it is asked for.
  bool by_sequence() const { return plain || prefix_caching; }
};

struct Sequence {
  std::int32_t request = 0;  // index into the trace
  std::int32_t prompt = 0;
  std::int32_t output = 0;  // tokens to emit in total
  std::int32_t emitted = 0;
  std::int32_t target = 0;          // tokens in the cache before the next one is emitted
  std::int32_t computed = 0;        // tokens in the cache
  std::int32_t ever_computed = 0;   // largest `computed` so far; below it, work is repeated
  std::int32_t scheduled = 0;       // tokens of this step, 0 = not in it
  std::int64_t last_emission = -1;  // number of the step that emitted the last token
  std::int64_t order = -1;          // of admission, -1 = waiting

  // One new token for a sequence whose cache is complete; all else is prefill.
  bool decodes() const {
    return emitted > 0 && computed + 1 == target && computed == ever_computed;
  }
};

// A token whose predecessor was not emitted by the step before (preemption, token budget, or
// another engine: previous_step kElsewhere).
struct LateToken {
  static constexpr std::int64_t kElsewhere = -2;
  std::int32_t request = 0;
  std::int64_t previous_step = 0;
};

// What a step did, for the trace.
struct StepOutcome {
  std::vector<std::int32_t> first_scheduled;  // requests in a batch for the first time
  std::vector<std::int32_t> resumed;          // requests in a batch again after a preemption
  std::vector<std::int32_t> first_token;      // requests that emitted token 1
  std::vector<std::int32_t> completed;        // requests that emitted their last token
  std::vector<std::int32_t> preempted;
  std::vector<LateToken> late_tokens;
  std::int64_t decode_tokens = 0;      // tokens whose predecessor came one step before
  std::int64_t recomputed_tokens = 0;  // computed again
  std::int64_t new_prompt_tokens = 0;  // prompt tokens computed for the first time
  std::int64_t cached_tokens = 0;      // prompt tokens found in the cache instead
  bool waited_for_blocks = false;
  bool waited_for_slot = false;

  void clear();
};

// Everything a scheduler knows between two steps.
struct SchedulerState {
  std::deque<Sequence> waiting;
  std::deque<Sequence> received;  // their cache has come from elsewhere, with all blocks for a step
  std::vector<Sequence> running;  // order of admission
  std::int64_t used_blocks = 0;
  std::int64_t away = 0;        // requests with blocks here whose cache is on its way, in or out
  std::int64_t admissions = 0;  // so far: the next sequence's order
  std::optional<PrefixCache> cache;  // with prefix caching: used_blocks are its blocks in use
};

class PlainScheduler {
 public:
  explicit PlainScheduler(const SchedulerLimits& limits);

  // Queues a request. Its KV cache must fit alone: prompt + output - 1 tokens (checked before).
  // shared: keys of its first blocks, for prefix caching (PromptBlocks).
  void enqueue(std::int32_t request, std::int32_t prompt, std::int32_t output,
               std::span<const std::uint64_t> shared = {});

  // Chooses the batch of the next step; empty when nothing is runnable.
  // Invariant on return: used_blocks() <= limits.kv_blocks.
  const RankBatch& schedule(StepOutcome& outcome);

  // Step number `step` (consecutive for one engine) ended: tokens enter the cache, tokens are
  // emitted, finished sequences leave.
  void finish_step(std::int64_t step, StepOutcome& outcome);

  // Of a held request: the end of its stay.
  void release(std::int32_t request, std::int32_t prompt);
  // A request comes whose cache was received into blocks taken before (Scheduler::reserve()); it
  // has emitted its first token elsewhere.
  void receive(std::int32_t request, std::int32_t prompt, std::int32_t output);

  bool has_work() const { return waiting() > 0 || !state_.running.empty(); }
  std::int64_t waiting() const {
    return static_cast<std::int64_t>(state_.waiting.size() + state_.received.size());
  }
  std::int64_t running() const { return static_cast<std::int64_t>(state_.running.size()); }
  std::int64_t used_blocks() const { return state_.used_blocks; }
  SchedulerState& state() { return state_; }
  const SchedulerState& state() const { return state_; }

 private:
  void preempt_last(StepOutcome& outcome);

  SchedulerLimits limits_;
  SchedulerState state_;
  RankBatch batch_;
};

// The steps that both schedulers share.
// Takes the blocks for `tokens` more tokens of the sequence; false when there are not enough.
bool take_blocks(const SchedulerLimits& limits, SchedulerState& state, const Sequence& sequence,
                 std::int64_t tokens);
// The sequence gives its blocks back, and leaves for good or waits again.
void free_blocks(SchedulerState& state, const Sequence& sequence, bool leaves);
// Adds `tokens` tokens of the sequence to the batch.
void add_to_batch(RankBatch& batch, Sequence& sequence, std::int64_t tokens);
// Admits waiting sequences while tokens, slots and blocks last; `running` are in the batch already.
// Those received come first. Appends them to `admitted`.
void admit(const SchedulerLimits& limits, SchedulerState& state, std::int64_t running,
           std::int64_t budget, RankBatch& batch, std::vector<Sequence>& admitted,
           StepOutcome& outcome);
// The end of a step for one scheduled sequence; true when it emitted its last token. Frees nothing.
bool finish_sequence(Sequence& sequence, std::int64_t step, StepOutcome& outcome);

}  // namespace moeplan::sim
