#include "sim/serving/scheduler.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {

const RankBatch& Scheduler::schedule(StepOutcome& outcome) {
  if (bulk_ && schedule_bulk(outcome)) {
    return batch_;
  }
  if (bulk_) {
    write_out();
  }
  return plain_.schedule(outcome);
}

// False, with nothing changed, when the step is not regular.
bool Scheduler::schedule_bulk(StepOutcome& outcome) {
  SchedulerState& state = plain_.state();
  const auto decodes = static_cast<std::int64_t>(ends_.size());
  const std::int64_t new_blocks = phases_[phase_of(0)];
  if (decodes > limits_.max_batched_tokens || state.used_blocks + new_blocks > limits_.kv_blocks) {
    return false;
  }
  std::int64_t budget = limits_.max_batched_tokens - decodes;
  state.used_blocks += new_blocks;
  batch_.clear();
  prefilling_.clear();
  if (partial_ && budget > 0) {
    const std::int64_t tokens =
        std::min<std::int64_t>(partial_->target - partial_->computed, budget);
    if (!take_blocks(limits_, state, *partial_, tokens)) {
      state.used_blocks -= new_blocks;
      return false;
    }
    add_to_batch(batch_, *partial_, tokens);
    prefilling_.push_back(*partial_);
    partial_.reset();
    budget -= tokens;
  }
  batch_.decode_sequences += decodes;
  batch_.decode_kv_tokens += kv_tokens_ + decodes;
  batch_.sampled += decodes;
  if (!partial_) {
    admit(limits_, state, running(), budget, batch_, prefilling_, outcome);
  }
  require(batch_.tokens() > 0 || !has_work() || state.away > 0,
          "work is queued but nothing could be scheduled");
  return true;
}

void Scheduler::finish_step(std::int64_t step, StepOutcome& outcome) {
  if (!bulk_) {
    plain_.finish_step(step, outcome);
    take_over(step);
    return;
  }
  SchedulerState& state = plain_.state();
  ++rounds_;
  outcome.decode_tokens += static_cast<std::int64_t>(ends_.size());
  kv_tokens_ += static_cast<std::int64_t>(ends_.size());
  while (!ends_.empty() && ends_.front().end == rounds_) {
    const Sequence& done = ends_.front().sequence;
    const std::int64_t computed = std::int64_t{done.prompt} + done.output - 1;
    state.used_blocks -= blocks_for(computed);
    kv_tokens_ -= computed;
    --phases_[phase_of(computed)];
    outcome.completed.push_back(done.request);
    std::pop_heap(ends_.begin(), ends_.end());
    ends_.pop_back();
  }
  for (Sequence& sequence : prefilling_) {
    if (finish_sequence(sequence, step, outcome)) {
      if (limits_.hold) {
        ++state.away;
      } else {
        state.used_blocks -= blocks_for(sequence.computed);
      }
    } else if (sequence.computed + 1 == sequence.target && sequence.last_emission == step) {
      add_decoding(sequence);
    } else {
      require(!partial_, "only the last admitted sequence can be inside its prompt");
      partial_ = sequence;
    }
  }
  prefilling_.clear();
}

bool Scheduler::reserve(std::int32_t prompt) {
  SchedulerState& state = plain_.state();
  const std::int64_t blocks = blocks_for(std::int64_t{prompt} + 1);
  const auto ready = static_cast<std::int64_t>(state.received.size());
  if (!state.waiting.empty() || running() + ready >= limits_.max_sequences ||
      state.used_blocks + blocks > limits_.kv_blocks) {
    return false;
  }
  state.used_blocks += blocks;
  ++state.away;
  return true;
}

void Scheduler::add_decoding(const Sequence& sequence) {
  ends_.push_back({sequence, rounds_, rounds_ + sequence.output - sequence.emitted});
  std::push_heap(ends_.begin(), ends_.end());
  ++phases_[phase_of(sequence.computed)];
  kv_tokens_ += sequence.computed;
}

void Scheduler::write_out() {
  std::vector<Sequence>& running = plain_.state().running;
  for (const Decoding& decoding : ends_) {
    Sequence sequence = decoding.sequence;
    const auto passed = static_cast<std::int32_t>(rounds_ - decoding.since);
    sequence.computed += passed;
    sequence.ever_computed = sequence.computed;
    sequence.emitted += passed;
    sequence.target += passed;
    sequence.last_emission += passed;
    running.push_back(sequence);
  }
  if (partial_) {
    running.push_back(*partial_);
    partial_.reset();
  }
  std::sort(running.begin(), running.end(),
            [](const Sequence& a, const Sequence& b) { return a.order < b.order; });
  ends_.clear();
  phases_ = {};
  kv_tokens_ = 0;
  bulk_ = false;
}

void Scheduler::take_over(std::int64_t step) {
  if (limits_.by_sequence()) {
    return;
  }
  std::vector<Sequence>& running = plain_.state().running;
  for (std::size_t i = 0; i < running.size(); ++i) {
    const Sequence& sequence = running[i];
    const bool last_in_prompt =
        i + 1 == running.size() && sequence.last_emission < step && !sequence.decodes();
    if (!last_in_prompt && !(sequence.decodes() && sequence.last_emission == step)) {
      return;
    }
  }
  for (const Sequence& sequence : running) {
    if (sequence.decodes()) {
      add_decoding(sequence);
    } else {
      partial_ = sequence;
    }
  }
  running.clear();
  bulk_ = true;
}

}  // namespace moeplan::sim
