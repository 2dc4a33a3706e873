#include "sim/serving/scheduler.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {

void StepOutcome::clear() {
  first_scheduled.clear();
  first_token.clear();
  completed.clear();
  preempted.clear();
  late_tokens.clear();
  decode_tokens = recomputed_tokens = new_prompt_tokens = 0;
  waited_for_blocks = waited_for_slot = false;
}

void Scheduler::enqueue(std::int32_t request, std::int32_t prompt, std::int32_t output) {
  require(prompt > 0 && output > 0, "a request needs prompt and output tokens");
  require(blocks_for(std::int64_t{prompt} + output - 1) <= limits_.kv_blocks,
          "a request whose KV cache alone does not fit must be rejected before it is queued");
  waiting_.push_back({.request = request, .prompt = prompt, .output = output, .target = prompt});
}

// Takes the blocks for `tokens` more tokens; false when there are not enough.
bool Scheduler::grow(Sequence& sequence, std::int64_t tokens) {
  const std::int64_t wanted = blocks_for(sequence.computed + tokens) - sequence.blocks;
  if (wanted <= 0) {
    return true;
  }
  if (used_blocks_ + wanted > limits_.kv_blocks) {
    return false;
  }
  used_blocks_ += wanted;
  sequence.blocks += wanted;
  return true;
}

void Scheduler::preempt_last(StepOutcome& outcome) {
  Sequence victim = running_.back();
  running_.pop_back();
  require(victim.scheduled == 0, "a sequence already in the batch must not be preempted");
  used_blocks_ -= victim.blocks;
  victim.blocks = 0;
  victim.computed = 0;
  // The emitted tokens but the last are computed again with the prompt; the next emission follows.
  victim.target = victim.prompt + victim.emitted;
  outcome.preempted.push_back(victim.request);
  waiting_.push_front(victim);
}

void Scheduler::add_to_batch(Sequence& sequence, std::int64_t tokens) {
  sequence.scheduled = static_cast<std::int32_t>(tokens);
  const bool decodes = sequence.emitted > 0 && tokens == 1 &&
                       sequence.computed + 1 == sequence.target &&
                       sequence.computed == sequence.ever_computed;
  if (decodes) {
    ++batch_.decode_sequences;
    batch_.decode_kv_tokens += sequence.computed + 1;
  } else {
    batch_.prefill.push_back({tokens, sequence.computed});
    batch_.prefill_tokens += tokens;
  }
  if (sequence.computed + tokens == sequence.target) {
    ++batch_.sampled;
  }
}

const RankBatch& Scheduler::schedule(StepOutcome& outcome) {
  batch_.clear();
  std::int64_t budget = limits_.max_batched_tokens;
  bool preempted = false;
  for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
    const std::int64_t tokens =
        std::min<std::int64_t>(running_[i].target - running_[i].computed, budget);
    bool fits = grow(running_[i], tokens);
    while (!fits) {
      preempted = true;
      const bool victim_is_itself = running_.size() - 1 == i;
      preempt_last(outcome);
      if (victim_is_itself) {
        break;
      }
      fits = grow(running_[i], tokens);
    }
    if (!fits) {
      break;
    }
    add_to_batch(running_[i], tokens);
    budget -= tokens;
  }
  outcome.waited_for_blocks = preempted;
  while (!preempted && !waiting_.empty() && budget > 0) {
    if (running() >= limits_.max_sequences) {
      outcome.waited_for_slot = true;
      break;
    }
    Sequence& next = waiting_.front();
    const std::int64_t tokens = std::min<std::int64_t>(next.target - next.computed, budget);
    if (!grow(next, tokens)) {
      outcome.waited_for_blocks = true;
      break;
    }
    if (!next.admitted_before) {
      next.admitted_before = true;
      outcome.first_scheduled.push_back(next.request);
    }
    running_.push_back(next);
    waiting_.pop_front();
    add_to_batch(running_.back(), tokens);
    budget -= tokens;
  }
  require(used_blocks_ <= limits_.kv_blocks, "more KV blocks in use than there are");
  require(batch_.tokens() > 0 || !has_work(), "work is queued but nothing could be scheduled");
  return batch_;
}

void Scheduler::finish_step(std::int64_t step, StepOutcome& outcome) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = running_[i];
    if (sequence.scheduled > 0) {
      const std::int32_t before = sequence.computed;
      sequence.computed += sequence.scheduled;
      sequence.scheduled = 0;
      const std::int32_t repeated =
          std::max(0, std::min(sequence.computed, sequence.ever_computed) - before);
      outcome.recomputed_tokens += repeated;
      outcome.new_prompt_tokens += std::max(0, std::min(sequence.computed, sequence.prompt) -
                                                   std::max(before, sequence.ever_computed));
      sequence.ever_computed = std::max(sequence.ever_computed, sequence.computed);
      if (sequence.computed == sequence.target) {
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
        if (sequence.emitted == sequence.output) {
          outcome.completed.push_back(sequence.request);
          used_blocks_ -= sequence.blocks;
          continue;
        }
      }
    }
    if (kept != i) {
      running_[kept] = sequence;
    }
    ++kept;
  }
  running_.resize(kept);
}

}  // namespace moeplan::sim
