#include "sim/serving/fast_engine.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {

bool FastEngine::runs(const SimulationSetup& setup, StepCost& cost) {
  return setup.replicas == 1 && setup.limits.data_parallel == 1 &&
         setup.router == RouterPolicy::round_robin && cost.decode_line(1, 1).has_value();
}

FastEngine::FastEngine(const SimulationSetup& setup, StepCost& cost, const RandomStream& jitter)
    : setup_(setup),
      limits_(setup.limits.scheduler),
      feed_(setup.mix, setup.seed),
      prices_(cost),
      replica_(setup.limits, cost, jitter) {
  trace_.requests.reserve(static_cast<std::size_t>(setup.mix.request_count));
}

// Every turn begins with all events up to now_ handled and the engine idle.
ServingTrace FastEngine::run() {
  bool went_on = true;
  while (!cut_off_ && (went_on || feed_.time() != ArrivalFeed::kNever)) {
    if (!went_on) {
      now_ = feed_.time();
    }
    while (feed_.time() == now_) {
      arrive();
    }
    if (trace_.aborted) {
      hand_over();
      top_up();
      (void)replica_.start_step(now_, trace_);  // begun and never finished
      break;
    }
    went_on = handed_over_ ? irregular_step() : step();
  }
  trace_.end = now_;
  trace_.blocks_at_end = handed_over_ ? replica_.used_blocks() : used_blocks_;
  trace_.phases += prices_.phases();
  return std::move(trace_);
}

// The next request arrives, at its own time.
void FastEngine::arrive() {
  const RequestSpec request = feed_.request();
  const auto index = static_cast<std::int32_t>(trace_.requests.size());
  const RequestStatus status =
      refusal(setup_.limits, request.prompt_tokens, request.output_tokens);
  trace_.requests.push_back({.arrival = request.arrival,
                             .prompt_tokens = request.prompt_tokens,
                             .output_tokens = request.output_tokens,
                             .in_system = static_cast<std::int32_t>(in_system()),
                             .status = status});
  if (status == RequestStatus::unfinished) {
    fresh_.push_back(index);
    trace_.aborted = trace_.aborted || (setup_.abort_above_waiting > 0 &&
                                        waiting() > setup_.abort_above_waiting);
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
  const SimDuration result =
      replica_.jitter().is_on() ? replica_.jitter().apply(duration) : duration;
  require(result > SimDuration(0), "a step takes time");
  return result;
}

FastEngine::Blocked FastEngine::blocked() const {
  const std::int64_t n = decodes_.count();
  const std::int64_t budget = limits_.max_batched_tokens - n;
  if (budget <= 0) {
    return Blocked::by_budget;
  }
  if (n >= limits_.max_sequences) {
    return Blocked::by_slot;
  }
  const RequestRecord& next = trace_.requests[static_cast<std::size_t>(fresh_[fresh_begin_])];
  const std::int64_t tokens = std::min<std::int64_t>(next.prompt_tokens, budget);
  return used_blocks_ + decodes_.new_blocks() + blocks_for(tokens) > limits_.kv_blocks
             ? Blocked::by_memory
             : Blocked::no;
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

// One step or more from now_, which ends with the last one; false when there is nothing to do.
bool FastEngine::step() {
  const std::int64_t n = decodes_.count();
  const bool queued = fresh_begin_ < fresh_.size();
  if (n == 0 && !partial_ && !queued) {
    return false;
  }
  if (n > limits_.max_batched_tokens || used_blocks_ + decodes_.new_blocks() > limits_.kv_blocks) {
    hand_over();
    return irregular_step();
  }
  if (n > 0 && !partial_) {
    const Blocked why = queued ? blocked() : Blocked::no;
    if (!queued || why != Blocked::no) {
      decode_steps(why);
      return true;
    }
  }
  return mixed_step();
}

// Decodes alone, until a waiting request may enter, none is left, or memory runs out. The first
// step is known to fit. `why`: requests wait all the while.
void FastEngine::decode_steps(Blocked why) {
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
    if (feed_.time() <= end && arrive_during(now_, end)) {
      break;
    }
    now_ = end;
    ++steps_;
    trace_.gaps.push_back(duration, n);
    trace_.output_tokens += n;
    decodes_.advance();
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
  used_blocks_ -= decodes_.remove_ended(
      [this](const DecodeSet::Member& member) { complete(member.request); });
}

// A step with prompts in it, or one whose prompts find no room. False never.
bool FastEngine::mixed_step() {
  const std::int64_t n = decodes_.count();
  const std::int64_t new_blocks = decodes_.new_blocks();
  batch_.clear();
  batch_.decode_sequences = batch_.sampled = n;
  batch_.decode_kv_tokens = decodes_.kv_tokens() + n;
  used_blocks_ += new_blocks;
  if (!schedule_partial(limits_.max_batched_tokens - n)) {
    used_blocks_ -= new_blocks;
    hand_over();
    return irregular_step();
  }
  if (!partial_) {
    admit_prompts(limits_.max_batched_tokens - batch_.tokens());
  }
  const std::int64_t tokens = batch_.tokens();
  require(tokens > 0, "work is queued but nothing could be scheduled");
  const SimDuration duration = jittered(
      pieces_.empty() ? prices_.decode_ps(n, batch_.decode_kv_tokens) : prices_.mixed_ps(batch_));
  const SimTime end = now_ + duration;
  start(1, batch_.sequences(), tokens, duration);
  const SimDuration prefill = prefill_share(duration, batch_.prefill_tokens, tokens);
  trace_.prefill_time += prefill;
  trace_.decode_time += duration - prefill;
  if (arrive_during(now_, end)) {
    return true;
  }
  now_ = end;
  ++steps_;
  if (n > 0) {
    trace_.gaps.push_back(duration, n);
  }
  trace_.output_tokens += n;
  decodes_.advance();
  finish_decodes();
  finish_prompts();
  return true;
}

// The rest of a prompt begun before, or a part of it. False when memory has no room for it.
bool FastEngine::schedule_partial(std::int64_t budget) {
  if (!partial_ || budget == 0) {
    return true;
  }
  const std::int32_t prompt = record(partial_->request).prompt_tokens;
  const std::int64_t tokens = std::min<std::int64_t>(prompt - partial_->computed, budget);
  const std::int64_t blocks =
      blocks_for(partial_->computed + tokens) - blocks_for(partial_->computed);
  if (used_blocks_ + blocks > limits_.kv_blocks) {
    return false;
  }
  used_blocks_ += blocks;
  schedule_piece(*partial_, tokens, prompt);
  partial_.reset();
  return true;
}

// As admit() of the plain scheduler, for requests that never ran.
void FastEngine::admit_prompts(std::int64_t budget) {
  std::int64_t running = batch_.sequences();
  for (; fresh_begin_ < fresh_.size() && budget > 0; ++fresh_begin_) {
    if (running >= limits_.max_sequences) {
      ++trace_.steps_at_max_sequences;
      return;
    }
    const std::int32_t request = fresh_[fresh_begin_];
    RequestRecord& next = record(request);
    const std::int64_t tokens = std::min<std::int64_t>(next.prompt_tokens, budget);
    const std::int64_t blocks = blocks_for(tokens);
    if (used_blocks_ + blocks > limits_.kv_blocks) {
      ++trace_.steps_out_of_blocks;
      return;
    }
    used_blocks_ += blocks;
    next.scheduled = now_;
    schedule_piece({request, 0, admissions_++}, tokens, next.prompt_tokens);
    ++running;
    budget -= tokens;
  }
  if (fresh_begin_ == fresh_.size()) {
    fresh_.clear();
    fresh_begin_ = 0;
  }
}

void FastEngine::schedule_piece(const Piece& piece, std::int64_t tokens, std::int32_t prompt) {
  batch_.prefill.push_back({tokens, piece.computed});
  batch_.prefill_tokens += tokens;
  const auto computed = static_cast<std::int32_t>(piece.computed + tokens);
  batch_.sampled += computed == prompt ? 1 : 0;
  pieces_.push_back({piece.request, computed, piece.order});
}

void FastEngine::finish_prompts() {
  trace_.prompt_tokens += batch_.prefill_tokens;
  for (const Piece& piece : pieces_) {
    RequestRecord& request = record(piece.request);
    if (piece.computed < request.prompt_tokens) {
      require(!partial_, "only the last admitted sequence can be inside its prompt");
      partial_ = piece;
      continue;
    }
    request.first_token = now_;
    ++trace_.output_tokens;
    if (request.output_tokens == 1) {
      used_blocks_ -= blocks_for(piece.computed);
      complete(piece.request);
    } else {
      decodes_.add(piece.request, request.prompt_tokens, request.output_tokens, 1, piece.order);
    }
  }
  pieces_.clear();
}

// The state in full goes to the replica.
void FastEngine::hand_over() {
  if (handed_over_) {
    return;
  }
  SchedulerState state{.used_blocks = used_blocks_, .admissions = admissions_};
  const auto add = [&](std::int32_t request, std::int32_t emitted, std::int32_t computed,
                       std::int64_t order) {
    const RequestRecord& r = record(request);
    state.running.push_back({.request = request,
                             .prompt = r.prompt_tokens,
                             .output = r.output_tokens,
                             .emitted = emitted,
                             .target = r.prompt_tokens + emitted,
                             .computed = computed,
                             .ever_computed = computed,
                             .last_emission = emitted > 0 ? steps_ - 1 : -1,
                             .order = order});
  };
  decodes_.take_all([&](const DecodeSet::Member& member, std::int32_t emitted) {
    add(member.request, emitted, member.prompt + emitted - 1, member.order);
  });
  if (partial_) {
    add(partial_->request, 0, partial_->computed, partial_->order);
    partial_.reset();
  }
  std::sort(state.running.begin(), state.running.end(),
            [](const Sequence& a, const Sequence& b) { return a.order < b.order; });
  replica_.resume(std::move(state), steps_, now_);
  handed_over_ = true;
}

void FastEngine::take_back(const SchedulerState& state) {
  for (const Sequence& sequence : state.running) {
    if (sequence.decodes()) {
      decodes_.add(sequence.request, sequence.prompt, sequence.output, sequence.emitted,
                   sequence.order);
    } else {
      partial_ = Piece{sequence.request, sequence.computed, sequence.order};
    }
  }
  fresh_begin_ -= state.waiting.size();  // the last ones lent
  require(state.waiting.empty() || state.waiting.front().request == fresh_[fresh_begin_],
          "the replica returned other requests than it was lent");
  used_blocks_ = state.used_blocks;
  admissions_ = state.admissions;
  handed_over_ = false;
}

// Lends the replica as many waiting requests as one step can admit, and one that sees it.
void FastEngine::top_up() {
  const std::int64_t wanted = std::min(limits_.max_sequences, limits_.max_batched_tokens) + 1;
  for (; fresh_begin_ < fresh_.size() && replica_.waiting() < wanted; ++fresh_begin_) {
    const std::int32_t request = fresh_[fresh_begin_];
    const RequestRecord& r = record(request);
    replica_.only_rank().enqueue(request, r.prompt_tokens, r.output_tokens);
  }
}

bool FastEngine::irregular_step() {
  top_up();
  const std::optional<SimTime> end = replica_.start_step(now_, trace_);
  if (!end) {
    return false;
  }
  if (arrive_during(now_, *end)) {
    return true;
  }
  now_ = *end;
  ++steps_;
  completed_.clear();
  replica_.finish_step(now_, trace_, completed_);
  for (std::size_t i = 0; i < completed_.size(); ++i) {
    feed_.on_completion(now_);
  }
  if (const std::optional<SchedulerState> state = replica_.regular_state()) {
    take_back(*state);
  }
  return true;
}

}  // namespace moeplan::sim
