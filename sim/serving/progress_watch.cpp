#include "sim/serving/progress_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeplan::sim {

void ProgressWatch::give_up() const {
  std::string text =
      idle_ > patience_
          ? fmt::format("the simulation makes no progress: {} steps without a new token", idle_)
          : fmt::format("the simulation exceeds its limit of {} events", max_events_);
  const auto shown = std::min<std::int64_t>(events_, kShown);
  text += fmt::format("; the last {} events:", shown);
  for (std::int64_t i = events_ - shown; i < events_; ++i) {
    const Event& event = last_[static_cast<std::size_t>(i) % kShown];
    text += fmt::format("\n  {:.12f} s: {}, {} tokens so far, {} requests in the system",
                        in_seconds(event.instant),
                        event.replica < 0 ? std::string("a request arrives")
                                          : fmt::format("a step of engine {} ends", event.replica),
                        event.progress, event.in_system);
  }
  throw SimulationStuck(text);
}

}  // namespace moeplan::sim
