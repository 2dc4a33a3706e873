#include "sim/serving/disaggregated.hpp"

#include <algorithm>
#include <deque>

#include "models/units/require.hpp"
#include "sim/deployment/kv_block.hpp"
#include "sim/serving/progress_watch.hpp"
#include "sim/serving/replica_router.hpp"
#include "sim/workload/prompt_blocks.hpp"

namespace moeplan::sim {
namespace {

// A step ends in an engine (the prefill engines first), or (engine < 0) a request arrives.
struct Event {
  std::int32_t engine = -1;
  RequestSpec request{};
};

// Requests that a decode rank has been given and that do not decode yet.
struct Intake {
  std::deque<std::int32_t> queue;  // without blocks
  std::int64_t moving = 0;         // their cache is on its way
  std::int64_t count() const { return static_cast<std::int64_t>(queue.size()) + moving; }
};

// Where a request's cache is and goes.
struct Journey {
  EngineRank prefill;
  EngineRank decode;
  SimTime handed_over;
  SimTime begin;
};

class Simulation {
 public:
  Simulation(const DisaggregatedSetup& setup, StepCost& prefill_cost, StepCost& decode_cost,
             KvTransfer& transfer)
      : setup_(setup),
        transfer_(transfer),
        source_(setup.mix, setup.seed),
        blocks_(setup.mix, setup.seed),
        prefill_router_(setup.router, setup.seed, "prefill router"),
        decode_router_(setup.router, setup.seed, "decode router"),
        prefill_engines_(static_cast<std::size_t>(setup.prefill_engines)),
        watch_(setup.max_events) {
    require(setup.prefill_engines > 0 && setup.decode_engines > 0, "both pools have engines");
    require(!setup.decode.scheduler.prefix_caching, "decode engines receive whole caches");
    EngineLimits prefill = setup.prefill;
    prefill.scheduler.hold = true;
    for (std::int32_t i = 0; i < setup.prefill_engines; ++i) {
      engines_.emplace_back(prefill, prefill_cost,
                            RandomStream(setup.seed, "prefill step jitter", {i}));
    }
    for (std::int32_t i = 0; i < setup.decode_engines; ++i) {
      engines_.emplace_back(setup.decode, decode_cost,
                            RandomStream(setup.seed, "decode step jitter", {i}));
      intakes_.emplace_back(static_cast<std::size_t>(setup.decode.data_parallel));
    }
    trace_.requests.reserve(static_cast<std::size_t>(setup.mix.request_count));
    trace_.prefix_caching = setup.prefill.scheduler.prefix_caching;
    trace_.handover.emplace();
  }

  ServingTrace run() {
    while (push_next_arrival() && !source_.known_in_advance()) {
    }
    while (const std::optional<SimTime> next = next_instant()) {
      const SimTime now = *next;
      while (!events_.empty() && events_.top_time() == now) {
        const Event event = events_.pop().event;
        if (event.engine < 0) {
          arrive(event.request, now);
        } else {
          finish(event.engine, now);
        }
        watch_.event(now, event.engine, trace_.output_tokens + trace_.prompt_tokens, in_system_);
      }
      end_transfers(now);
      begin_transfers(now);
      end_transfers(now);  // those that take no time
      start_idle(now);
      trace_.end = now;
    }
    for (const EngineReplica& engine : engines_) {
      trace_.blocks_at_end += engine.used_blocks();
    }
    return std::move(trace_);
  }

 private:
  RequestRecord& record(std::int32_t request) {
    return trace_.requests[static_cast<std::size_t>(request)];
  }

  std::optional<SimTime> next_instant() {
    const std::optional<SimTime> moved = transfer_.next_event();
    if (events_.empty()) {
      return moved;
    }
    return moved ? std::min(*moved, events_.top_time()) : events_.top_time();
  }

  bool push_next_arrival() {
    const std::optional<RequestSpec> next = source_.next();
    if (next) {
      events_.push(next->arrival, {.request = *next});
    }
    return next.has_value();
  }

  void left(SimTime now) {
    --in_system_;
    if (const std::optional<RequestSpec> next = source_.on_completion(now)) {
      events_.push(next->arrival, {.request = *next});
    }
  }

  void arrive(const RequestSpec& request, SimTime now) {
    const auto index = static_cast<std::int32_t>(trace_.requests.size());
    trace_.requests.push_back({.arrival = now,
                               .prompt_tokens = request.prompt_tokens,
                               .output_tokens = request.output_tokens,
                               .in_system = static_cast<std::int32_t>(in_system_)});
    journeys_.emplace_back();
    ++in_system_;
    // The whole request must fit a decode rank, its prompt a prefill rank.
    RequestStatus status = refusal(setup_.decode, request.prompt_tokens, request.output_tokens);
    if (status == RequestStatus::unfinished) {
      status = refusal(setup_.prefill, request.prompt_tokens, 1);
    }
    record(index).status = status;
    if (status != RequestStatus::unfinished) {
      left(now);
    } else {
      std::vector<std::uint64_t> keys;
      if (setup_.prefill.scheduler.prefix_caching) {
        keys = blocks_.keys(index, request.prompt_tokens, kBlockTokens);
      }
      loads_.clear();
      cached_.clear();
      for (std::size_t i = 0; i < prefill_engines_; ++i) {
        loads_.push_back(engines_[i].in_system());
        if (prefill_router_.needs_caches()) {
          cached_.push_back(engines_[i].hit_tokens(keys, request.prompt_tokens));
        }
      }
      const std::size_t target =
          prefill_router_.choose(index, request.prompt_tokens, loads_, cached_);
      const std::size_t rank = engines_[target].queue(index, request.prompt_tokens, 1, keys);
      journeys_.back().prefill = {static_cast<std::int32_t>(target),
                                  static_cast<std::int32_t>(rank)};
    }
    if (source_.known_in_advance()) {
      push_next_arrival();
    }
  }

  EngineReplica& decode_engine(std::size_t i) { return engines_[prefill_engines_ + i]; }

  // To a decode engine, and there to the rank with the fewest requests.
  void hand_over(std::int32_t request, SimTime now) {
    loads_.clear();
    for (std::size_t i = 0; i < intakes_.size(); ++i) {
      std::int64_t load = decode_engine(i).in_system();
      for (const Intake& intake : intakes_[i]) {
        load += intake.count();
      }
      loads_.push_back(load);
    }
    const std::size_t target =
        decode_router_.choose(request, record(request).prompt_tokens, loads_, {});
    std::vector<Intake>& ranks = intakes_[target];
    const auto load_of = [&](std::size_t rank) {
      return decode_engine(target).rank(rank).in_system() + ranks[rank].count();
    };
    std::size_t least = 0;
    for (std::size_t rank = 1; rank < ranks.size(); ++rank) {
      if (load_of(rank) < load_of(least)) {
        least = rank;
      }
    }
    ranks[least].queue.push_back(request);
    Journey& journey = journeys_[static_cast<std::size_t>(request)];
    journey.decode = {static_cast<std::int32_t>(target), static_cast<std::int32_t>(least)};
    journey.handed_over = now;
  }

  void finish(std::int32_t engine, SimTime now) {
    completed_.clear();
    engines_[static_cast<std::size_t>(engine)].finish_step(now, trace_, completed_);
    const bool prefill = static_cast<std::size_t>(engine) < prefill_engines_;
    for (const std::int32_t request : completed_) {
      if (prefill && record(request).output_tokens > 1) {
        hand_over(request, now);
        continue;
      }
      if (prefill) {
        give_back(request);
      }
      left(now);
    }
  }

  // The prefill rank's blocks.
  void give_back(std::int32_t request) {
    const EngineRank from = journeys_[static_cast<std::size_t>(request)].prefill;
    engines_[static_cast<std::size_t>(from.engine)]
        .rank(static_cast<std::size_t>(from.rank))
        .release(request, record(request).prompt_tokens);
  }

  void begin_transfers(SimTime now) {
    for (std::size_t i = 0; i < intakes_.size(); ++i) {
      if (decode_engine(i).is_stepping()) {
        continue;
      }
      for (std::size_t rank = 0; rank < intakes_[i].size(); ++rank) {
        Intake& intake = intakes_[i][rank];
        while (!intake.queue.empty()) {
          const std::int32_t request = intake.queue.front();
          const std::int32_t prompt = record(request).prompt_tokens;
          if (!decode_engine(i).rank(rank).reserve(prompt)) {
            break;
          }
          intake.queue.pop_front();
          ++intake.moving;
          Journey& journey = journeys_[static_cast<std::size_t>(request)];
          journey.begin = now;
          transfer_.start(now, request, journey.prefill, journey.decode, prompt);
        }
      }
    }
  }

  void end_transfers(SimTime now) {
    if (transfer_.next_event().value_or(now + SimDuration(1)) > now) {
      return;
    }
    for (const std::int64_t id : transfer_.advance(now)) {
      const auto request = static_cast<std::int32_t>(id);
      const Journey& journey = journeys_[static_cast<std::size_t>(request)];
      give_back(request);
      const auto engine = static_cast<std::size_t>(journey.decode.engine);
      const auto rank = static_cast<std::size_t>(journey.decode.rank);
      --intakes_[engine][rank].moving;
      decode_engine(engine).rank(rank).receive(request, record(request).prompt_tokens,
                                               record(request).output_tokens);
      trace_.handover->moves.push_back({request, journey.handed_over, journey.begin, now});
    }
  }

  void start_idle(SimTime now) {
    for (std::size_t i = 0; i < engines_.size(); ++i) {
      if (!engines_[i].is_stepping()) {
        if (const std::optional<SimTime> end = engines_[i].start_step(now, trace_)) {
          events_.push(*end, {.engine = static_cast<std::int32_t>(i)});
        }
      }
    }
  }

  const DisaggregatedSetup& setup_;
  KvTransfer& transfer_;
  RequestSource source_;
  PromptBlocks blocks_;
  ReplicaRouter prefill_router_;
  ReplicaRouter decode_router_;
  EventQueue<Event> events_;
  std::size_t prefill_engines_;
  std::vector<EngineReplica> engines_;
  std::vector<std::vector<Intake>> intakes_;  // [decode engines][ranks]
  std::vector<Journey> journeys_;             // [requests]
  std::vector<std::int64_t> loads_;           // of the routing under way
  std::vector<std::int64_t> cached_;          //
  std::vector<std::int32_t> completed_;
  std::int64_t in_system_ = 0;
  ServingTrace trace_;
  ProgressWatch watch_;
};

}  // namespace

ServingTrace simulate_disaggregated(const DisaggregatedSetup& setup, StepCost& prefill_cost,
                                    StepCost& decode_cost, KvTransfer& transfer) {
  prefill_cost.begin_run();
  decode_cost.begin_run();
  ServingTrace trace = Simulation(setup, prefill_cost, decode_cost, transfer).run();
  trace.phases.scale_to(trace.busy);
  trace.extrapolated = prefill_cost.extrapolated();
  for (const std::string& law : decode_cost.extrapolated()) {
    trace.extrapolated.push_back(law);
  }
  std::sort(trace.extrapolated.begin(), trace.extrapolated.end());
  trace.extrapolated.erase(std::unique(trace.extrapolated.begin(), trace.extrapolated.end()),
                           trace.extrapolated.end());
  return trace;
}

}  // namespace moeplan::sim
