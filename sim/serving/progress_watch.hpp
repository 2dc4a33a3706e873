#pragma once
// ProgressWatch: ends a simulation that would not end by itself: too many events, or many events in
// a row after which no token had been computed for the first time or emitted (preemptions that
// chase each other). The error tells the last events.

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

// A run was given up; what() says why and lists the last events.
class SimulationStuck : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ProgressWatch {
 public:
  static constexpr std::int64_t kPatience = 1'000'000;  // events without progress
  static constexpr std::size_t kShown = 20;

  // max_events: 0 = any number.
  explicit ProgressWatch(std::int64_t max_events = 0, std::int64_t patience = kPatience)
      : max_events_(max_events), patience_(patience) {}

  // replica < 0: an arrival, else the end of its step. progress: a count that grows with every
  // token; in_system: requests. Both after the event. Throws: SimulationStuck.
  void event(SimTime instant, std::int32_t replica, std::int64_t progress, std::int64_t in_system) {
    last_[static_cast<std::size_t>(events_) % kShown] = {instant, replica, progress, in_system};
    ++events_;
    idle_ = progress == progress_ && replica >= 0 ? idle_ + 1 : 0;
    progress_ = progress;
    if (idle_ > patience_ || (max_events_ > 0 && events_ > max_events_)) {
      give_up();
    }
  }

 private:
  struct Event {
    SimTime instant;
    std::int32_t replica = 0;
    std::int64_t progress = 0;
    std::int64_t in_system = 0;
  };
  [[noreturn]] void give_up() const;

  std::int64_t max_events_;
  std::int64_t patience_;
  std::int64_t events_ = 0;
  std::int64_t idle_ = 0;
  std::int64_t progress_ = -1;
  std::array<Event, kShown> last_{};
};

}  // namespace moeplan::sim
