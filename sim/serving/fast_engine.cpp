#include "sim/serving/fast_engine.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {

bool FastEngine::runs(const SimulationSetup& setup, StepCost& cost) {
  return !setup.limits.scheduler.by_sequence() && setup.limits.scheduler.chunked_prefill &&
         setup.max_events == 0 && setup.replicas == 1 && setup.limits.data_parallel == 1 &&
         setup.limits.pipeline_parallel == 1 && setup.router != RouterPolicy::shared_queue &&
         cost.decode_line(1, 1).has_value();
}

FastEngine::FastEngine(const SimulationSetup& setup, StepCost& cost, const RandomStream& jitter)
    : setup_(setup),
      limits_(setup.limits.scheduler),
      feed_(setup.mix, setup.seed),
      prices_(cost),
      jitter_(setup.limits.jitter, jitter) {
  trace_.requests.reserve(static_cast<std::size_t>(setup.mix.request_count));
}

// Every turn begins with all events before now_ handled and the engine idle.
ServingTrace FastEngine::run() {
  bool went_on = true;
  while (!cut_off_ && (went_on || feed_.time() != ArrivalFeed::kNever)) {
    if (!went_on) {
      now_ = feed_.time();
    }
    while (feed_.time() == now_) {
      arrive();
    }
    cut_off_ = trace_.aborted;
    went_on = step();
    watch_.event(now_, 0, trace_.output_tokens + trace_.prompt_tokens, in_system());
  }
  trace_.end = now_;
  trace_.blocks_at_end = used_blocks_;
  trace_.phases += prices_.phases();
  return std::move(trace_);
}

// The next request arrives, at its own time.
void FastEngine::arrive() {
  const RequestSpec& request = feed_.request();
  const auto index = static_cast<std::int32_t>(trace_.requests.size());
  const RequestStatus status = refusal(setup_.limits, request.prompt_tokens, request.output_tokens);
  // Field by field: a record built apart and copied stalls the processor.
  RequestRecord& arrived = trace_.requests.emplace_back();
  arrived.arrival = request.arrival;
  arrived.prompt_tokens = request.prompt_tokens;
  arrived.output_tokens = request.output_tokens;
  arrived.in_system = static_cast<std::int32_t>(in_system());
  arrived.status = status;
  if (status == RequestStatus::unfinished) {
    fresh_.push_back(index);
    trace_.aborted = trace_.aborted ||
                     (setup_.abort_above_waiting > 0 && waiting() > setup_.abort_above_waiting);
  } else {
    feed_.on_completion(request.arrival);
  }
  feed_.pop();
}

// What arrives before the end of a step; at equal times the event that was pushed first comes
// first. True: the run was aborted inside the step, at now_.
bool FastEngine::arrive_during(SimTime begin, SimTime end) {
  while (feed_.time() < end || (feed_.time() == end && feed_.pushed_at() <= begin)) {
    const SimTime instant = feed_.time();
    arrive();
    if (trace_.aborted && instant < end) {
      while (feed_.time() == instant) {
        arrive();
      }
      now_ = instant;
      cut_off_ = true;
      return true;
    }
  }
  return false;
}

void FastEngine::complete(std::int32_t request) {
  RequestRecord& done = record(request);
  done.completion = now_;
  done.status = RequestStatus::completed;
  feed_.on_completion(now_);
}

SimDuration FastEngine::jittered(std::int64_t ps) {
  const SimDuration duration(ps);
  const SimDuration result = jitter_.is_on() ? jitter_.apply(duration) : duration;
  require(result > SimDuration(0), "a step takes time");
  return result;
}

// Steps have begun: `sequences` in them, `tokens` for them.
void FastEngine::start(std::int64_t steps, std::int64_t sequences, std::int64_t tokens,
                       SimDuration busy) {
  trace_.steps += steps;
  trace_.sequence_steps += sequences;
  trace_.batched_tokens += tokens;
  trace_.busy += busy;
  trace_.peak_kv_blocks = std::max(trace_.peak_kv_blocks, used_blocks_);
}

FastEngine::Unready FastEngine::first_waiting() const {
  if (!preempted_.empty()) {
    return preempted_.back();
  }
  const std::int32_t request = fresh_[fresh_begin_];
  return {.request = request,
          .target = trace_.requests[static_cast<std::size_t>(request)].prompt_tokens};
}

FastEngine::Blocked FastEngine::blocked() const {
  const std::int64_t n = decodes_.count();
  const std::int64_t budget = limits_.max_batched_tokens - n;
  if (budget == 0) {
    return Blocked::by_budget;
  }
  if (n >= limits_.max_sequences) {
    return Blocked::by_slot;
  }
  const std::int64_t tokens = std::min<std::int64_t>(first_waiting().target, budget);
  return used_blocks_ + decodes_.new_blocks() + blocks_for(tokens) > limits_.kv_blocks
             ? Blocked::by_memory
             : Blocked::no;
}

// One step or more from now_, which ends with the last one; false when there is nothing to do.
bool FastEngine::step() {
  if (decodes_.count() == 0 && !partial_ && waiting() == 0) {
    return false;
  }
  // Each sequence of the batch takes a token of the budget, so next step they all decode within it.
  require(decodes_.count() <= limits_.max_batched_tokens, "more decodes than the token budget");
  if (used_blocks_ + decodes_.new_blocks() > limits_.kv_blocks) {
    make_room();
    decode_steps(Blocked::by_memory, true);
    return true;
  }
  if (decodes_.count() > 0 && !partial_) {
    const Blocked why = waiting() > 0 ? blocked() : Blocked::no;
    if (waiting() == 0 || why != Blocked::no) {
      decode_steps(why, false);
      return true;
    }
  }
  mixed_step();
  return true;
}

// The last running sequences lose their cache until the others' next tokens fit. A sequence that
// goes needs no block any more, so those that stay are as many as in the scheduler's own order:
// blocks in order of admission, a victim from the end whenever there is none left.
void FastEngine::make_room() {
  while (used_blocks_ + decodes_.new_blocks() > limits_.kv_blocks) {
    if (partial_) {
      preempt(*partial_);
      partial_.reset();
      continue;
    }
    const DecodeSet::Taken taken = decodes_.take_youngest();
    preempt({.request = taken.request,
             .emitted = taken.emitted,
             .target = taken.prompt + taken.emitted,
             .computed = taken.computed,
             .ever_computed = taken.computed,
             .last_emission = now_});
  }
}

void FastEngine::preempt(const Unready& victim) {
  used_blocks_ -= blocks_for(victim.computed);
  ++record(victim.request).preemptions;
  ++trace_.preemptions;
  preempted_.push_back(victim);
  preempted_.back().computed = 0;
}

// Decodes alone, until a waiting request may enter, none is left, or memory runs out. The first
// step is known to fit. `why`: requests wait all the while.
void FastEngine::decode_steps(Blocked why, bool only_one) {
  const bool queued = why != Blocked::no;
  std::int64_t started = 0;
  std::int64_t sequences = 0;
  std::int64_t n = decodes_.count();
  SimDuration busy;
  bool more = true;
  while (more) {
    used_blocks_ += decodes_.new_blocks();
    const SimDuration duration = jittered(prices_.decode_ps(n, decodes_.kv_tokens() + n));
    const SimTime end = now_ + duration;
    ++started;
    sequences += n;
    busy += duration;
    if (cut_off_ || (feed_.time() <= end && arrive_during(now_, end))) {
      break;
    }
    now_ = end;
    trace_.gaps.push_back(duration, n);
    trace_.output_tokens += n;
    decodes_.advance();
    more = !only_one;
    if (decodes_.any_ends()) {
      finish_decodes();
      n = decodes_.count();
      more = n > 0 && !queued;
    }
    while (feed_.time() == now_) {
      arrive();
    }
    more = more && (queued || fresh_begin_ == fresh_.size()) && !trace_.aborted &&
           used_blocks_ + decodes_.new_blocks() <= limits_.kv_blocks;
  }
  start(started, sequences, sequences, busy);
  trace_.decode_time += busy;
  trace_.steps_at_max_sequences += why == Blocked::by_slot ? started : 0;
  trace_.steps_out_of_blocks += why == Blocked::by_memory ? started : 0;
}

void FastEngine::finish_decodes() {
  trace_.peak_kv_blocks = std::max(trace_.peak_kv_blocks, used_blocks_);
  used_blocks_ -= decodes_.remove_ended([this](std::int32_t request) { complete(request); });
}

// A step with prompts in it.
void FastEngine::mixed_step() {
  const std::int64_t n = decodes_.count();
  batch_.clear();
  batch_.decode_sequences = batch_.sampled = n;
  batch_.decode_kv_tokens = decodes_.kv_tokens() + n;
  if (!schedule_partial(limits_.max_batched_tokens - n)) {
    preempt(*partial_);
    partial_.reset();
    decode_steps(Blocked::by_memory, true);
    return;
  }
  used_blocks_ += decodes_.new_blocks();
  if (!partial_) {
    admit_prompts(limits_.max_batched_tokens - batch_.tokens());
  }
  const std::int64_t tokens = batch_.tokens();
  require(tokens > 0, "work is queued but nothing could be scheduled");
  const SimDuration duration = jittered(
      batch_.prefill.empty() ? prices_.decode_ps(batch_.decode_sequences, batch_.decode_kv_tokens)
                             : prices_.mixed_ps(batch_));
  const SimTime end = now_ + duration;
  start(1, batch_.sequences(), tokens, duration);
  const SimDuration prefill = prefill_share(duration, batch_.prefill_tokens, tokens);
  trace_.prefill_time += prefill;
  trace_.decode_time += duration - prefill;
  if (cut_off_ || arrive_during(now_, end)) {
    return;
  }
  now_ = end;
  if (n > 0) {
    trace_.gaps.push_back(duration, n);
  }
  trace_.output_tokens += n;
  decodes_.advance();
  finish_decodes();
  finish_pieces();
}

// The next part of a prompt begun before, or nothing of it when there is no budget. False when
// memory has no room for it beside the decodes.
bool FastEngine::schedule_partial(std::int64_t budget) {
  if (!partial_ || budget == 0) {
    return true;
  }
  const std::int64_t tokens = std::min<std::int64_t>(partial_->target - partial_->computed, budget);
  const std::int64_t blocks =
      blocks_for(partial_->computed + tokens) - blocks_for(partial_->computed);
  if (used_blocks_ + decodes_.new_blocks() + blocks > limits_.kv_blocks) {
    return false;
  }
  used_blocks_ += blocks;
  schedule_piece(*partial_, tokens);
  partial_.reset();
  return true;
}

// As admit() of the plain scheduler.
void FastEngine::admit_prompts(std::int64_t budget) {
  std::int64_t running = batch_.sequences();
  for (; waiting() > 0 && budget > 0; ++running) {
    if (running >= limits_.max_sequences) {
      ++trace_.steps_at_max_sequences;
      return;
    }
    Unready next = first_waiting();
    const std::int64_t tokens = std::min<std::int64_t>(next.target, budget);
    const std::int64_t blocks = blocks_for(tokens);
    if (used_blocks_ + blocks > limits_.kv_blocks) {
      ++trace_.steps_out_of_blocks;
      return;
    }
    used_blocks_ += blocks;
    if (!preempted_.empty()) {
      preempted_.pop_back();
    } else {
      record(next.request).scheduled = now_;
      ++fresh_begin_;
    }
    next.order = admissions_++;
    schedule_piece(next, tokens);
    budget -= tokens;
  }
  if (fresh_begin_ == fresh_.size()) {
    fresh_.clear();
    fresh_begin_ = 0;
  }
}

void FastEngine::schedule_piece(Unready piece, std::int64_t tokens) {
  if (piece.emitted > 0 && piece.computed + 1 == piece.target &&
      piece.computed == piece.ever_computed) {
    ++batch_.decode_sequences;  // one new token on a complete cache
    batch_.decode_kv_tokens += piece.target;
  } else {
    batch_.prefill.push_back({tokens, piece.computed});
    batch_.prefill_tokens += tokens;
  }
  piece.scheduled = static_cast<std::int32_t>(tokens);
  batch_.sampled += piece.computed + piece.scheduled == piece.target ? 1 : 0;
  pieces_.push_back(piece);
}

// As finish_sequence() of the plain scheduler.
void FastEngine::finish_pieces() {
  for (Unready& piece : pieces_) {
    RequestRecord& request = record(piece.request);
    const std::int32_t before = piece.computed;
    const std::int32_t ever = piece.ever_computed;
    piece.computed += piece.scheduled;
    piece.ever_computed = std::max(ever, piece.computed);
    trace_.recomputed_tokens += std::max(0, std::min(piece.computed, ever) - before);
    trace_.prompt_tokens +=
        std::max(0, std::min(piece.computed, request.prompt_tokens) - std::max(before, ever));
    if (piece.computed < piece.target) {
      require(!partial_, "only the last admitted sequence can be inside its prompt");
      partial_ = piece;
      continue;
    }
    if (piece.emitted == 0) {
      request.first_token = now_;
    } else {
      trace_.gaps.push_back(now_ - piece.last_emission, 1);
    }
    ++trace_.output_tokens;
    const std::int32_t emitted = piece.emitted + 1;
    if (emitted == request.output_tokens) {
      used_blocks_ -= blocks_for(piece.computed);
      complete(piece.request);
    } else {
      decodes_.add(piece.request, request.prompt_tokens, request.output_tokens, emitted,
                   piece.order);
    }
  }
  pieces_.clear();
}

}  // namespace moeplan::sim
