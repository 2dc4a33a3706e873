#include "sim/serving/simulate.hpp"

#include <deque>

#include "models/units/require.hpp"
#include "sim/deployment/kv_block.hpp"
#include "sim/engine/event_queue.hpp"
#include "sim/serving/fast_engine.hpp"
#include "sim/serving/pipeline_replica.hpp"
#include "sim/serving/progress_watch.hpp"
#include "sim/serving/replica_router.hpp"
#include "sim/workload/prompt_blocks.hpp"

namespace moeplan::sim {
namespace {

// A step of the replica ends, or (replica < 0) a request arrives.
struct Event {
  std::int32_t replica = -1;
  RequestSpec request{};
};

// The stream of a replica's jitter.
RandomStream jitter_of(const SimulationSetup& setup, std::int32_t replica) {
  return RandomStream(setup.seed, "step jitter", {replica});
}

// Replica: EngineReplica or PipelineReplica.
template <class Replica>
class Simulation {
 public:
  Simulation(const SimulationSetup& setup, StepCost& cost, SimulationObserver* observer)
      : setup_(setup),
        source_(setup.mix, setup.seed),
        blocks_(setup.mix, setup.seed),
        router_(setup.router, setup.seed, "replica router"),
        watch_(setup.max_events),
        observer_(observer) {
    require(setup.replicas > 0, "a simulation needs at least one replica");
    for (std::int32_t i = 0; i < setup.replicas; ++i) {
      replicas_.emplace_back(setup.limits, cost, jitter_of(setup, i));
    }
    trace_.requests.reserve(static_cast<std::size_t>(setup.mix.request_count));
    trace_.prefix_caching = setup.limits.scheduler.prefix_caching;
  }

  ServingTrace run() {
    // One arrival ahead, or, where arrivals wait for completions, all that do not.
    while (push_next_arrival() && !source_.known_in_advance()) {
    }
    while (!events_.empty() && !trace_.aborted) {
      const SimTime now = events_.top_time();
      while (!events_.empty() && events_.top_time() == now) {
        const Event event = events_.pop().event;
        if (event.replica < 0) {
          arrive(event.request, now);
        } else {
          finish(event.replica, now);
        }
        watch_.event(now, event.replica, trace_.output_tokens + trace_.prompt_tokens, in_system());
      }
      start_idle(now);
      trace_.end = now;
    }
    for (const Replica& replica : replicas_) {
      trace_.blocks_at_end += replica.used_blocks();
    }
    return std::move(trace_);
  }

 private:
  static EngineState state_of(const Replica& replica) {
    const std::int64_t waiting = replica.waiting();
    return {replica.in_system() - waiting, waiting, replica.used_blocks()};
  }

  bool push_next_arrival() {
    const std::optional<RequestSpec> next = source_.next();
    if (next) {
      events_.push(next->arrival, {.request = *next});
    }
    return next.has_value();
  }

  std::int64_t in_system() const {
    auto sum = static_cast<std::int64_t>(shared_.size());
    for (const Replica& replica : replicas_) {
      sum += replica.in_system();
    }
    return sum;
  }

  void arrive(const RequestSpec& request, SimTime now) {
    const auto index = static_cast<std::int32_t>(trace_.requests.size());
    trace_.requests.push_back({.arrival = now,
                               .prompt_tokens = request.prompt_tokens,
                               .output_tokens = request.output_tokens,
                               .in_system = static_cast<std::int32_t>(in_system())});
    if (setup_.router == RouterPolicy::shared_queue) {
      shared_.push_back(index);
      feed_from_shared(now);
    } else {
      const std::vector<std::uint64_t> keys = keys_of(index);
      const std::size_t target = route(index, keys);
      if (!replicas_[target].enqueue(index, trace_, keys)) {
        rejected(now);
      } else if (setup_.abort_above_waiting > 0 &&
                 replicas_[target].waiting() > setup_.abort_above_waiting) {
        trace_.aborted = true;
      }
    }
    if (observer_ != nullptr) {
      observer_->arrived(index, trace_.requests[static_cast<std::size_t>(index)]);
    }
    if (source_.known_in_advance()) {
      push_next_arrival();
    }
  }

  // Of the first blocks of a request's prompt; none without prefix caching.
  std::vector<std::uint64_t> keys_of(std::int32_t request) const {
    if (!setup_.limits.scheduler.prefix_caching) {
      return {};
    }
    return blocks_.keys(request, trace_.requests[static_cast<std::size_t>(request)].prompt_tokens,
                        kBlockTokens);
  }

  std::size_t route(std::int32_t request, std::span<const std::uint64_t> keys) {
    loads_.assign(replicas_.size(), 0);
    if (router_.needs_loads()) {
      for (std::size_t i = 0; i < replicas_.size(); ++i) {
        loads_[i] = replicas_[i].in_system();
      }
    }
    const std::int64_t prompt = trace_.requests[static_cast<std::size_t>(request)].prompt_tokens;
    cached_.clear();
    if (router_.needs_caches()) {
      for (const Replica& replica : replicas_) {
        cached_.push_back(replica.hit_tokens(keys, prompt));
      }
    }
    return router_.choose(request, prompt, loads_, cached_);
  }

  // A rejected request leaves at once: in a closed loop its user sends the next one, having
  // thought.
  void rejected(SimTime now) {
    if (const std::optional<RequestSpec> next = source_.on_completion(now)) {
      events_.push(next->arrival, {.request = *next});
    }
  }

  void feed_from_shared(SimTime now) {
    const std::int64_t slots = setup_.limits.scheduler.max_sequences * setup_.limits.data_parallel;
    while (!shared_.empty()) {
      Replica* emptiest = &replicas_.front();
      for (Replica& replica : replicas_) {
        emptiest = replica.in_system() < emptiest->in_system() ? &replica : emptiest;
      }
      if (emptiest->in_system() >= slots) {
        return;
      }
      if (!emptiest->enqueue(shared_.front(), trace_, keys_of(shared_.front()))) {
        rejected(now);
      }
      shared_.pop_front();
    }
  }

  void finish(std::int32_t index, SimTime now) {
    completed_.clear();
    replicas_[static_cast<std::size_t>(index)].finish_step(now, trace_, completed_);
    if (observer_ != nullptr) {
      const Replica& replica = replicas_[static_cast<std::size_t>(index)];
      observer_->step_ended(
          {index, now, replica.outcomes(), state_of(replica), std::span(trace_.requests)});
    }
    for (std::size_t i = 0; i < completed_.size(); ++i) {
      if (const std::optional<RequestSpec> next = source_.on_completion(now)) {
        events_.push(next->arrival, {.request = *next});
      }
    }
    if (setup_.router == RouterPolicy::shared_queue) {
      feed_from_shared(now);
    }
  }

  void start_idle(SimTime now) {
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      while (!replicas_[i].is_stepping()) {
        const std::optional<SimTime> end = observer_ == nullptr
                                               ? replicas_[i].start_step(now, trace_)
                                               : start_observed(replicas_[i], i, now);
        if (!end) {
          break;
        }
        events_.push(*end, {.replica = static_cast<std::int32_t>(i)});
      }
    }
  }

  std::optional<SimTime> start_observed(Replica& replica, std::size_t index, SimTime now) {
    const PhaseTimes before = trace_.phases;
    const std::optional<SimTime> end = replica.start_step(now, trace_);
    if (end) {
      PhaseTimes phases = trace_.phases;
      phases -= before;
      phases.scale_to(*end - now);
      observer_->step_began({static_cast<std::int32_t>(index), now, *end, phases, replica.batches(),
                             replica.outcomes(), state_of(replica)});
    }
    return end;
  }

  const SimulationSetup& setup_;
  RequestSource source_;
  PromptBlocks blocks_;
  ReplicaRouter router_;
  EventQueue<Event> events_;
  std::vector<Replica> replicas_;
  std::vector<std::int64_t> loads_;   // [replicas], of the routing under way
  std::vector<std::int64_t> cached_;  //
  std::deque<std::int32_t> shared_;
  std::vector<std::int32_t> completed_;
  ServingTrace trace_;
  ProgressWatch watch_;
  SimulationObserver* observer_;
};

// What both ways of running have in common.
template <class Run>
ServingTrace traced(StepCost& cost, Run run) {
  cost.begin_run();
  ServingTrace trace = run();
  trace.phases.scale_to(trace.busy);
  trace.extrapolated = cost.extrapolated();
  return trace;
}

}  // namespace

ServingTrace simulate(const SimulationSetup& setup, StepCost& cost) {
  if (!FastEngine::runs(setup, cost)) {
    return simulate_by_events(setup, cost);
  }
  return traced(cost, [&] {
    ServingTrace trace = FastEngine(setup, cost, jitter_of(setup, 0)).run();
    RankBatch all;  // one rank: its pairs are those of its tokens, step by step or together
    all.prefill_tokens = trace.batched_tokens;
    trace.expert_rows = cost.expert_rows({&all, 1});
    return trace;
  });
}

ServingTrace simulate_by_events(const SimulationSetup& setup, StepCost& cost,
                                SimulationObserver* observer) {
  require(observer == nullptr || setup.limits.pipeline_parallel == 1,
          "steps of a pipeline overlap, which observers do not know");
  return traced(cost, [&] {
    return setup.limits.pipeline_parallel > 1
               ? Simulation<PipelineReplica>(setup, cost, observer).run()
               : Simulation<EngineReplica>(setup, cost, observer).run();
  });
}

}  // namespace moeplan::sim
