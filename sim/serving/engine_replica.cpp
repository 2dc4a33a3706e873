#include "sim/serving/engine_replica.hpp"

#include <algorithm>

#include "models/units/require.hpp"
#include "sim/serving/least_loaded.hpp"

namespace moeplan::sim {

RequestStatus refusal(const EngineLimits& limits, std::int32_t prompt, std::int32_t output) {
  const std::int64_t length = std::int64_t{prompt} + output;
  if (limits.max_model_length > 0 && length > limits.max_model_length) {
    return RequestStatus::rejected_too_long;
  }
  return blocks_for(length - 1) > limits.scheduler.kv_blocks ? RequestStatus::rejected_too_large
                                                             : RequestStatus::unfinished;
}

SimDuration prefill_share(SimDuration step, std::int64_t prefill_tokens, std::int64_t tokens) {
  return duration_from(to_seconds(step) *
                       (static_cast<double>(prefill_tokens) / static_cast<double>(tokens)));
}

EngineReplica::EngineReplica(const EngineLimits& limits, StepCost& cost, const RandomStream& jitter)
    : limits_(limits), cost_(&cost), jitter_(limits.jitter, jitter) {
  require(limits.data_parallel > 0, "an engine has at least one data-parallel rank");
  ranks_.assign(static_cast<std::size_t>(limits.data_parallel), Scheduler(limits.scheduler));
  batches_.resize(ranks_.size());
  outcomes_.resize(ranks_.size());
}

std::int64_t EngineReplica::hit_tokens(std::span<const std::uint64_t> shared,
                                       std::int64_t prompt) const {
  return least_loaded(ranks_).hit_tokens(shared, prompt);
}

bool EngineReplica::enqueue(std::int32_t request, ServingTrace& trace,
                            std::span<const std::uint64_t> shared) {
  RequestRecord& record = trace.requests[static_cast<std::size_t>(request)];
  record.status = refusal(limits_, record.prompt_tokens, record.output_tokens);
  if (record.status != RequestStatus::unfinished) {
    return false;
  }
  queue(request, record.prompt_tokens, record.output_tokens, shared);
  return true;
}

std::size_t EngineReplica::queue(std::int32_t request, std::int32_t prompt, std::int32_t output,
                                 std::span<const std::uint64_t> shared) {
  Scheduler& rank = least_loaded(ranks_);
  rank.enqueue(request, prompt, output, shared);
  return static_cast<std::size_t>(&rank - ranks_.data());
}

std::optional<SimTime> EngineReplica::start_step(SimTime now, ServingTrace& trace) {
  require(!stepping_, "the engine is in a step already");
  bool any = false;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    outcomes_[i].clear();
    batches_[i] = ranks_[i].schedule(outcomes_[i]);
    any = any || batches_[i].tokens() > 0;
  }
  if (!any) {
    return std::nullopt;
  }
  const PhaseTimes phases = cost_->cost(batches_);
  const SimDuration duration = jitter_.is_on() ? jitter_.apply(phases.total()) : phases.total();
  require(duration > SimDuration(0), "a step takes time");
  trace.phases += phases;
  if (ranks_.size() > 1) {
    trace.lock_step.add(batches_, cost_->lock_step(), phases.total());
  }
  trace.expert_rows += cost_->expert_rows(batches_);
  trace.busy += duration;
  const bool holds = limits_.scheduler.hold;
  if (holds) {
    trace.handover->prefill_busy += duration;
  }
  std::int64_t& peak_kv_blocks =
      holds ? trace.handover->prefill_peak_kv_blocks : trace.peak_kv_blocks;
  ++trace.steps;
  std::int64_t prefill_tokens = 0;
  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    const RankBatch& batch = batches_[i];
    tokens += batch.tokens();
    prefill_tokens += batch.prefill_tokens;
    trace.sequence_steps += batch.sequences();
    peak_kv_blocks = std::max(peak_kv_blocks, ranks_[i].used_blocks());
    trace.steps_out_of_blocks += outcomes_[i].waited_for_blocks ? 1 : 0;
    trace.steps_at_max_sequences += outcomes_[i].waited_for_slot ? 1 : 0;
    for (const std::int32_t request : outcomes_[i].first_scheduled) {
      trace.requests[static_cast<std::size_t>(request)].scheduled = now;
    }
    for (const std::int32_t request : outcomes_[i].preempted) {
      ++trace.requests[static_cast<std::size_t>(request)].preemptions;
      ++trace.preemptions;
    }
  }
  trace.batched_tokens += tokens;
  const SimDuration prefill = prefill_share(duration, prefill_tokens, tokens);
  trace.prefill_time += prefill;
  trace.decode_time += duration - prefill;
  stepping_ = true;
  step_start_ = now;
  return now + duration;
}

void EngineReplica::finish_step(SimTime now, ServingTrace& trace,
                                std::vector<std::int32_t>& completed) {
  require(stepping_, "no step to finish");
  stepping_ = false;
  const auto step = static_cast<std::int64_t>(step_ends_.size());
  step_ends_.push_back(now);
  std::int64_t decode_tokens = 0;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    StepOutcome& outcome = outcomes_[i];
    ranks_[i].finish_step(step, outcome);
    decode_tokens += outcome.decode_tokens;
    trace.output_tokens += outcome.decode_tokens +
                           static_cast<std::int64_t>(outcome.first_token.size()) +
                           static_cast<std::int64_t>(outcome.late_tokens.size());
    trace.prompt_tokens += outcome.new_prompt_tokens;
    trace.cached_tokens += outcome.cached_tokens;
    trace.recomputed_tokens += outcome.recomputed_tokens;
    for (const std::int32_t request : outcome.first_token) {
      trace.requests[static_cast<std::size_t>(request)].first_token = now;
    }
    for (const LateToken& late : outcome.late_tokens) {
      const auto previous = static_cast<std::size_t>(late.previous_step);
      trace.gaps.push_back(
          now - (late.previous_step == LateToken::kElsewhere
                     ? trace.requests[static_cast<std::size_t>(late.request)].first_token
                     : step_ends_[previous]),
          1);
    }
    for (const std::int32_t request : outcome.completed) {
      RequestRecord& record = trace.requests[static_cast<std::size_t>(request)];
      if (!limits_.scheduler.hold || record.output_tokens == 1) {
        record.completion = now;
        record.status = RequestStatus::completed;
      }
      completed.push_back(request);
    }
  }
  if (decode_tokens > 0) {
    trace.gaps.push_back(now - step_start_, decode_tokens);
  }
}

std::int64_t EngineReplica::waiting() const {
  std::int64_t sum = 0;
  for (const Scheduler& rank : ranks_) {
    sum += rank.waiting();
  }
  return sum;
}

std::int64_t EngineReplica::in_system() const {
  std::int64_t sum = 0;
  for (const Scheduler& rank : ranks_) {
    sum += rank.waiting() + rank.running();
  }
  return sum;
}

std::int64_t EngineReplica::used_blocks() const {
  std::int64_t sum = 0;
  for (const Scheduler& rank : ranks_) {
    sum += rank.used_blocks();
  }
  return sum;
}

}  // namespace moeplan::sim
