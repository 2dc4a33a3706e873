#pragma once
// Recorder: turns what the event loop does into trace events, within a window of time and numbers
// of steps and events. Private to record_timeline.

#include <string>
#include <vector>

#include "sim/serving/simulation_observer.hpp"
#include "sim/timeline/link_bytes.hpp"
#include "sim/timeline/timeline.hpp"
#include "sim/timeline/trace_events.hpp"

namespace moeplan::sim {

class Recorder : public SimulationObserver {
 public:
  // Names all tracks. The deployment must outlive it.
  Recorder(const Deployment& deployment, std::int32_t replicas, const TimelineOptions& options);

  void arrived(std::int32_t index, const RequestRecord& record) override;
  void step_began(const StepBegin& step) override;
  void step_ended(const StepEnd& step) override;

  // The run is over: closes what is open, and says what was shown. Once.
  Timeline finish(ServingTrace trace, text::Json about);

 private:
  enum class Stage : std::uint8_t { none, queued, prefill, decode, preempted, done };
  enum class Window : std::uint8_t { before, open, closed };
  struct Request {
    Stage stage = Stage::none;
    bool shown = false;  // its begin is written and its end is not
    bool again = false;  // in prefill: computed again after a preemption
    std::int32_t prompt_tokens = 0;
    std::int32_t output_tokens = 0;
    SimTime arrival;
  };

  // Opens and closes the window on the way to `now`; true while it is open.
  bool shows(SimTime now);
  // False, and the window is closed, when `more` events would not leave room to close all requests.
  bool has_room(std::size_t more, SimTime now);
  void open(SimTime at);
  void close(SimTime at, std::string why);
  void begin_request(std::int32_t index, SimTime at);
  void begin_stage(std::int32_t index, SimTime at);
  void move(std::int32_t index, Stage stage, SimTime at);
  void end_request(std::int32_t index, SimTime at, const text::Json& args);
  void complete(std::int32_t index, const RequestRecord& record, SimTime at);
  void add_step(const StepBegin& step);
  void add_links(const StepBegin& step, const PhaseBytes& bytes);
  void add_counters(std::int32_t replica, SimTime at, const EngineState& state);
  std::int64_t layers_of(Phase phase) const;

  const Deployment& d_;
  TimelineOptions options_;
  LinkBytes link_bytes_;
  bool spans_nodes_ = false;
  std::int64_t moe_layers_ = 0;
  TraceEvents events_;
  Window window_ = Window::before;
  SimTime opened_;
  SimTime closed_;
  std::string cut_;
  std::vector<Request> requests_;  // [requests so far]
  std::size_t open_requests_ = 0;  // of them, shown
  std::int64_t requests_shown_ = 0;
  std::int64_t steps_shown_ = 0;
  SimDuration busy_;
  std::vector<EngineState> counters_;  // [replicas], as last written
};

}  // namespace moeplan::sim
