#include "sim/serving/pipeline_scheduler.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// The sequence as the coming batch sees it: with all that is on its way in its cache.
Sequence after(const Sequence& sequence, std::int32_t issued) {
  Sequence later = sequence;
  later.computed = issued;
  return later;
}

}  // namespace

void PipelineScheduler::enqueue(std::int32_t request, std::int32_t prompt, std::int32_t output) {
  require(blocks_for(std::int64_t{prompt} + output - 1) <= limits_.kv_blocks,
          "a request whose KV cache alone does not fit must be rejected before it is queued");
  state_.waiting.push_back(
      {.request = request, .prompt = prompt, .output = output, .target = prompt});
}

void PipelineScheduler::preempt(std::size_t index, StepOutcome& outcome) {
  Sequence victim = running_[index].sequence;
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
  state_.used_blocks -= blocks_for(victim.computed);
  victim.computed = 0;
  victim.target = victim.prompt + victim.emitted;
  victim.order = -1;
  outcome.preempted.push_back(victim.request);
  state_.waiting.push_front(victim);
}

bool PipelineScheduler::find_blocks(std::size_t index, std::int64_t tokens, StepOutcome& outcome) {
  const auto fits = [&] {
    return take_blocks(limits_, state_, after(running_[index].sequence, running_[index].issued),
                       tokens);
  };
  if (fits()) {
    return true;
  }
  outcome.waited_for_blocks = true;
  for (std::size_t i = running_.size() - 1; i > index; --i) {
    if (!running_[i].in_flight()) {
      preempt(i, outcome);
      if (fits()) {
        return true;
      }
    }
  }
  // The last sequence loses its own cache; others wait for those behind them to return.
  if (index + 1 == running_.size() && !running_[index].in_flight()) {
    preempt(index, outcome);
  }
  return false;
}

std::int64_t PipelineScheduler::share() const {
  const std::int64_t all = std::min(running() + waiting(), limits_.max_sequences);
  return (all + divided_over_ - 1) / divided_over_;
}

const RankBatch& PipelineScheduler::schedule(StepOutcome& outcome) {
  batch_.clear();
  std::vector<Piece> pieces;
  std::int64_t budget = limits_.max_batched_tokens;
  const std::int64_t most = share();
  for (std::size_t i = 0; i < running_.size() && budget > 0 && batch_.sequences() < most; ++i) {
    const std::int64_t tokens =
        std::min<std::int64_t>(running_[i].sequence.target - running_[i].issued, budget);
    if (tokens == 0) {
      continue;  // waits for its last token
    }
    if (!find_blocks(i, tokens, outcome)) {
      break;
    }
    Running& running = running_[i];
    Sequence view = after(running.sequence, running.issued);
    add_to_batch(batch_, view, tokens);
    running.issued += static_cast<std::int32_t>(tokens);
    pieces.push_back({running.sequence.order, static_cast<std::int32_t>(tokens)});
    budget -= tokens;
  }
  if (!outcome.waited_for_blocks) {
    admitted_.clear();
    const std::int64_t room = most - batch_.sequences();
    admit(limits_, state_, std::max(running(), limits_.max_sequences - room), budget, batch_,
          admitted_, outcome);
    for (Sequence& sequence : admitted_) {
      const std::int32_t tokens = sequence.scheduled;
      sequence.scheduled = 0;
      pieces.push_back({sequence.order, tokens});
      running_.push_back({sequence, sequence.computed + tokens});
    }
    // A full share is no lack of slots.
    outcome.waited_for_slot = outcome.waited_for_slot && running() >= limits_.max_sequences;
  }
  require(state_.used_blocks <= limits_.kv_blocks, "more KV blocks in use than there are");
  if (batch_.tokens() == 0) {
    require(!flights_.empty() || (running_.empty() && state_.waiting.empty()),
            "work is queued but nothing could be scheduled");
  }
  flights_.push_back(std::move(pieces));
  return batch_;
}

void PipelineScheduler::withdraw() {
  require(!flights_.empty() && flights_.back().empty(), "only an empty batch is withdrawn");
  flights_.pop_back();
}

void PipelineScheduler::finish_batch(std::int64_t batch, StepOutcome& outcome) {
  require(!flights_.empty(), "no batch is on its way");
  for (const Piece& piece : flights_.front()) {
    const auto found = std::lower_bound(
        running_.begin(), running_.end(), piece.order,
        [](const Running& running, std::int64_t order) { return running.sequence.order < order; });
    require(found != running_.end() && found->sequence.order == piece.order,
            "a sequence left while it was on its way");
    found->sequence.scheduled = piece.tokens;
    if (finish_sequence(found->sequence, batch, outcome)) {
      state_.used_blocks -= blocks_for(found->sequence.computed);
      running_.erase(found);
    }
  }
  flights_.pop_front();
}

}  // namespace moeplan::sim
