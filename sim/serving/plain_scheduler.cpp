#include "sim/serving/plain_scheduler.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {

void StepOutcome::clear() {
  first_scheduled.clear();
  resumed.clear();
  first_token.clear();
  completed.clear();
  preempted.clear();
  late_tokens.clear();
  decode_tokens = recomputed_tokens = new_prompt_tokens = cached_tokens = 0;
  waited_for_blocks = waited_for_slot = false;
}

bool take_blocks(const SchedulerLimits& limits, SchedulerState& state, const Sequence& sequence,
                 std::int64_t tokens) {
  if (state.cache) {
    const bool fits = state.cache->extend(sequence.request, sequence.computed, tokens);
    state.used_blocks = state.cache->used();
    return fits;
  }
  const std::int64_t wanted =
      blocks_for(sequence.computed + tokens) - blocks_for(sequence.computed);
  if (state.used_blocks + wanted > limits.kv_blocks) {
    return false;
  }
  state.used_blocks += wanted;
  return true;
}

void free_blocks(SchedulerState& state, const Sequence& sequence, bool leaves) {
  if (!state.cache) {
    state.used_blocks -= blocks_for(sequence.computed);
    return;
  }
  if (leaves) {
    state.cache->close(sequence.request);
  } else {
    state.cache->release(sequence.request);
  }
  state.used_blocks = state.cache->used();
}

void add_to_batch(RankBatch& batch, Sequence& sequence, std::int64_t tokens) {
  sequence.scheduled = static_cast<std::int32_t>(tokens);
  if (sequence.decodes()) {
    ++batch.decode_sequences;
    batch.decode_kv_tokens += sequence.computed + 1;
  } else {
    batch.prefill.push_back({tokens, sequence.computed});
    batch.prefill_tokens += tokens;
  }
  if (sequence.computed + tokens == sequence.target) {
    ++batch.sampled;
  }
}

void admit(const SchedulerLimits& limits, SchedulerState& state, std::int64_t running,
           std::int64_t budget, RankBatch& batch, std::vector<Sequence>& admitted,
           StepOutcome& outcome) {
  while (!state.received.empty() && budget > 0) {
    if (running >= limits.max_sequences) {
      outcome.waited_for_slot = true;
      return;
    }
    Sequence next = state.received.front();
    state.received.pop_front();
    next.order = state.admissions++;
    add_to_batch(batch, next, 1);
    admitted.push_back(next);
    ++running;
    --budget;
  }
  while (!state.waiting.empty() && budget > 0) {
    if (running >= limits.max_sequences) {
      outcome.waited_for_slot = true;
      return;
    }
    Sequence next = state.waiting.front();
    if (state.cache) {
      next.computed = static_cast<std::int32_t>(state.cache->hit_tokens(next.request, next.target));
    }
    if (!limits.chunked_prefill && next.target - next.computed > budget) {
      return;
    }
    const std::int64_t tokens = std::min<std::int64_t>(next.target - next.computed, budget);
    if (!take_blocks(limits, state, next, tokens)) {
      outcome.waited_for_blocks = true;
      return;
    }
    (next.ever_computed == 0 ? outcome.first_scheduled : outcome.resumed).push_back(next.request);
    // Found, not computed: tokens of the prompt that this sequence never computed itself.
    outcome.cached_tokens += std::max(0, std::min(next.computed, next.prompt) - next.ever_computed);
    next.ever_computed = std::max(next.ever_computed, next.computed);
    state.waiting.pop_front();
    next.order = state.admissions++;
    add_to_batch(batch, next, tokens);
    admitted.push_back(next);
    ++running;
    budget -= tokens;
  }
}

bool finish_sequence(Sequence& sequence, std::int64_t step, StepOutcome& outcome) {
  const std::int32_t before = sequence.computed;
  sequence.computed += sequence.scheduled;
  sequence.scheduled = 0;
  outcome.recomputed_tokens +=
      std::max(0, std::min(sequence.computed, sequence.ever_computed) - before);
  outcome.new_prompt_tokens += std::max(
      0, std::min(sequence.computed, sequence.prompt) - std::max(before, sequence.ever_computed));
  sequence.ever_computed = std::max(sequence.ever_computed, sequence.computed);
  if (sequence.computed != sequence.target) {
    return false;
  }
  if (sequence.emitted == 0) {
    outcome.first_token.push_back(sequence.request);
  } else if (sequence.last_emission == step - 1) {
    ++outcome.decode_tokens;
  } else {
    outcome.late_tokens.push_back({sequence.request, sequence.last_emission});
  }
  sequence.last_emission = step;
  ++sequence.emitted;
  sequence.target = sequence.prompt + sequence.emitted;
  if (sequence.emitted < sequence.output) {
    return false;
  }
  outcome.completed.push_back(sequence.request);
  return true;
}

PlainScheduler::PlainScheduler(const SchedulerLimits& limits) : limits_(limits) {
  if (limits.prefix_caching) {
    state_.cache.emplace(limits.kv_blocks);
  }
}

void PlainScheduler::enqueue(std::int32_t request, std::int32_t prompt, std::int32_t output,
                             std::span<const std::uint64_t> shared) {
  require(prompt > 0 && output > 0, "a request needs prompt and output tokens");
  require(blocks_for(std::int64_t{prompt} + output - 1) <= limits_.kv_blocks,
          "a request whose KV cache alone does not fit must be rejected before it is queued");
  if (state_.cache) {
    state_.cache->open(request, shared);
  }
  state_.waiting.push_back(
      {.request = request, .prompt = prompt, .output = output, .target = prompt});
}

void PlainScheduler::release(std::int32_t request, std::int32_t prompt) {
  --state_.away;
  free_blocks(state_, {.request = request, .computed = prompt}, true);
}

void PlainScheduler::receive(std::int32_t request, std::int32_t prompt, std::int32_t output) {
  --state_.away;
  state_.received.push_back({.request = request,
                             .prompt = prompt,
                             .output = output,
                             .emitted = 1,
                             .target = prompt + 1,
                             .computed = prompt,
                             .ever_computed = prompt,
                             .last_emission = LateToken::kElsewhere});
}

void PlainScheduler::preempt_last(StepOutcome& outcome) {
  Sequence victim = state_.running.back();
  state_.running.pop_back();
  require(victim.scheduled == 0, "a sequence already in the batch must not be preempted");
  free_blocks(state_, victim, false);
  victim.computed = 0;
  // The emitted tokens are computed again with the prompt; the next emission follows.
  victim.target = victim.prompt + victim.emitted;
  victim.order = -1;
  outcome.preempted.push_back(victim.request);
  state_.waiting.push_front(victim);
}

const RankBatch& PlainScheduler::schedule(StepOutcome& outcome) {
  batch_.clear();
  std::int64_t budget = limits_.max_batched_tokens;
  bool preempted = false;
  std::vector<Sequence>& running = state_.running;
  for (std::size_t i = 0; i < running.size() && budget > 0; ++i) {
    const std::int64_t tokens =
        std::min<std::int64_t>(running[i].target - running[i].computed, budget);
    bool fits = take_blocks(limits_, state_, running[i], tokens);
    while (!fits) {
      preempted = true;
      const bool victim_is_itself = running.size() - 1 == i;
      preempt_last(outcome);
      if (victim_is_itself) {
        break;
      }
      fits = take_blocks(limits_, state_, running[i], tokens);
    }
    if (!fits) {
      break;
    }
    add_to_batch(batch_, running[i], tokens);
    budget -= tokens;
  }
  outcome.waited_for_blocks = preempted;
  // With caches on their way even the only running request may lose its blocks.
  if (!preempted || batch_.tokens() == 0) {
    admit(limits_, state_, this->running(), budget, batch_, running, outcome);
  }
  require(state_.used_blocks <= limits_.kv_blocks, "more KV blocks in use than there are");
  require(batch_.tokens() > 0 || !has_work() || state_.away > 0,
          "work is queued but nothing could be scheduled");
  return batch_;
}

void PlainScheduler::finish_step(std::int64_t step, StepOutcome& outcome) {
  std::vector<Sequence>& running = state_.running;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < running.size(); ++i) {
    if (running[i].scheduled > 0 && finish_sequence(running[i], step, outcome)) {
      if (limits_.hold) {
        ++state_.away;
      } else {
        free_blocks(state_, running[i], true);
      }
      continue;
    }
    if (kept != i) {
      running[kept] = running[i];
    }
    ++kept;
  }
  running.resize(kept);
}

}  // namespace moeplan::sim
