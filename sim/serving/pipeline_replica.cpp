#include "sim/serving/pipeline_replica.hpp"

#include <algorithm>

#include "models/units/require.hpp"
#include "sim/serving/least_loaded.hpp"

namespace moeplan::sim {

PipelineReplica::PipelineReplica(const EngineLimits& limits, StepCost& cost,
                                 const RandomStream& jitter)
    : limits_(limits), cost_(&cost), jitter_(limits.jitter, jitter) {
  require(limits.data_parallel > 0 && limits.pipeline_parallel > 0,
          "an engine has at least one data-parallel rank and one stage");
  ranks_.assign(
      static_cast<std::size_t>(limits.data_parallel),
      PipelineScheduler(limits.scheduler, limits.divided_batches ? limits.pipeline_parallel : 1));
  batches_.resize(ranks_.size());
  outcomes_.resize(ranks_.size());
}

bool PipelineReplica::enqueue(std::int32_t request, ServingTrace& trace,
                              std::span<const std::uint64_t> shared) {
  require(shared.empty(), "a pipeline has no prefix caching");
  RequestRecord& record = trace.requests[static_cast<std::size_t>(request)];
  record.status = refusal(limits_, record.prompt_tokens, record.output_tokens);
  if (record.status != RequestStatus::unfinished) {
    return false;
  }
  least_loaded(ranks_).enqueue(request, record.prompt_tokens, record.output_tokens);
  return true;
}

SimTime PipelineReplica::pass_stages(SimTime now, ServingTrace& trace) {
  cost_->staged(batches_, parts_);
  free_.resize(parts_.size());
  SimDuration unscaled;
  PhaseTimes phases;
  for (const PhaseTimes& part : parts_) {
    phases += part;
    unscaled += part.total();
  }
  require(unscaled > SimDuration(0), "a step takes time");
  // One draw for the batch.
  const SimDuration scaled = jitter_.is_on() ? jitter_.apply(unscaled) : unscaled;
  const double factor = to_seconds(scaled).value() / to_seconds(unscaled).value();
  SimTime instant = now;
  SimDuration waited;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const SimTime start = std::max(instant, free_[i]);
    waited += start - instant;
    const SimDuration own = parts_[i].total();
    instant = start + (jitter_.is_on() ? duration_from(to_seconds(own) * factor) : own);
    free_[i] = instant;
  }
  if (ranks_.size() > 1) {
    trace.lock_step.add(batches_, cost_->lock_step(), unscaled);
  }
  phases.set(Phase::pipeline_wait, waited);
  trace.phases += phases;
  return instant;
}

void PipelineReplica::record(SimTime now, ServingTrace& trace) {
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    trace.sequence_steps += batches_[i].sequences();
    trace.peak_kv_blocks = std::max(trace.peak_kv_blocks, ranks_[i].used_blocks());
    trace.steps_out_of_blocks += outcomes_[i].waited_for_blocks ? 1 : 0;
    trace.steps_at_max_sequences += outcomes_[i].waited_for_slot ? 1 : 0;
    for (const std::int32_t request : outcomes_[i].first_scheduled) {
      trace.requests[static_cast<std::size_t>(request)].scheduled = now;
    }
  }
}

std::optional<SimTime> PipelineReplica::start_step(SimTime now, ServingTrace& trace) {
  require(!is_stepping(), "no batch can be started now");
  std::int64_t tokens = 0;
  std::int64_t prefill_tokens = 0;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    outcomes_[i].clear();
    batches_[i] = ranks_[i].schedule(outcomes_[i]);
    tokens += batches_[i].tokens();
    prefill_tokens += batches_[i].prefill_tokens;
    for (const std::int32_t request : outcomes_[i].preempted) {
      ++trace.requests[static_cast<std::size_t>(request)].preemptions;
      ++trace.preemptions;
    }
  }
  if (tokens == 0) {
    for (PipelineScheduler& rank : ranks_) {
      rank.withdraw();
    }
    stalled_ = in_flight_ > 0;
    return std::nullopt;
  }
  const SimTime end = pass_stages(now, trace);
  // Time in which any batch is in flight; the batch's part of it.
  const SimDuration busy = end - std::max(now, last_end_);
  last_end_ = end;
  trace.busy += busy;
  trace.expert_rows += cost_->expert_rows(batches_);
  trace.batched_tokens += tokens;
  ++trace.steps;
  record(now, trace);
  const SimDuration prefill = prefill_share(busy, prefill_tokens, tokens);
  trace.prefill_time += prefill;
  trace.decode_time += busy - prefill;
  ++in_flight_;
  return end;
}

void PipelineReplica::finish_step(SimTime now, ServingTrace& trace,
                                  std::vector<std::int32_t>& completed) {
  require(in_flight_ > 0, "no batch to finish");
  --in_flight_;
  stalled_ = false;
  const auto batch = static_cast<std::int64_t>(batch_ends_.size());
  batch_ends_.push_back(now);
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    StepOutcome& outcome = outcomes_[i];
    outcome.clear();
    ranks_[i].finish_batch(batch, outcome);
    trace.output_tokens += outcome.decode_tokens +
                           static_cast<std::int64_t>(outcome.first_token.size()) +
                           static_cast<std::int64_t>(outcome.late_tokens.size());
    trace.prompt_tokens += outcome.new_prompt_tokens;
    trace.recomputed_tokens += outcome.recomputed_tokens;
    if (outcome.decode_tokens > 0) {
      trace.gaps.push_back(now - batch_ends_[static_cast<std::size_t>(batch - 1)],
                           outcome.decode_tokens);
    }
    for (const LateToken& token : outcome.late_tokens) {
      trace.gaps.push_back(now - batch_ends_[static_cast<std::size_t>(token.previous_step)], 1);
    }
    for (const std::int32_t request : outcome.first_token) {
      trace.requests[static_cast<std::size_t>(request)].first_token = now;
    }
    for (const std::int32_t request : outcome.completed) {
      RequestRecord& record = trace.requests[static_cast<std::size_t>(request)];
      record.completion = now;
      record.status = RequestStatus::completed;
      completed.push_back(request);
    }
  }
}

std::int64_t PipelineReplica::waiting() const {
  std::int64_t sum = 0;
  for (const PipelineScheduler& rank : ranks_) {
    sum += rank.waiting();
  }
  return sum;
}

std::int64_t PipelineReplica::in_system() const {
  std::int64_t sum = waiting();
  for (const PipelineScheduler& rank : ranks_) {
    sum += rank.running();
  }
  return sum;
}

std::int64_t PipelineReplica::used_blocks() const {
  std::int64_t sum = 0;
  for (const PipelineScheduler& rank : ranks_) {
    sum += rank.used_blocks();
  }
  return sum;
}

}  // namespace moeplan::sim
