#pragma once
// ArrivalFeed: the arrivals of a run as an event queue would deliver them, without one: a source
// hands them out in order of time, also where they wait for completions (equal think times keep
// the order of completions, a limit at the client the order of the plan). `pushed_at` is the
// instant at which the event queue of simulate() would have been told of the arrival: at equal
// times, what was pushed first comes first.

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>

#include "sim/workload/request_source.hpp"

namespace moeplan::sim {

class ArrivalFeed {
 public:
  static constexpr SimTime kNever = SimTime(std::numeric_limits<std::int64_t>::max());

  ArrivalFeed(const RequestMix& mix, std::uint64_t seed) : source_(mix, seed) {
    while (load(SimTime(-1)) && !source_.known_in_advance()) {
    }
  }

  // Of the next arrival; kNever when there is none, or none is known yet.
  SimTime time() const { return next_.arrival; }
  SimTime pushed_at() const { return pushed_at_; }
  const RequestSpec& request() const { return next_; }

  // The next request has arrived: at its own time.
  void pop() {
    const SimTime now = next_.arrival;
    if (source_.known_in_advance()) {
      next_.arrival = kNever;
      load(now);
    } else if (later_.empty()) {
      next_.arrival = kNever;
    } else {
      next_ = later_.front().request;
      pushed_at_ = later_.front().pushed_at;
      later_.pop_front();
    }
  }

  // A request completed or was refused at `now`.
  void on_completion(SimTime now) {
    if (!source_.known_in_advance()) {
      if (const std::optional<RequestSpec> next = source_.on_completion(now)) {
        add(*next, now);
      }
    }
  }

 private:
  struct Known {
    RequestSpec request;
    SimTime pushed_at;
  };

  bool load(SimTime now) {
    const std::optional<RequestSpec> next = source_.next();
    if (next) {
      add(*next, now);
    }
    return next.has_value();
  }
  void add(const RequestSpec& request, SimTime now) {
    if (next_.arrival == kNever) {
      next_ = request;
      pushed_at_ = now;
    } else {
      later_.push_back({request, now});
    }
  }

  RequestSource source_;
  RequestSpec next_{kNever, 0, 0};
  SimTime pushed_at_;
  std::deque<Known> later_;  // where arrivals wait for completions
};

}  // namespace moeplan::sim
