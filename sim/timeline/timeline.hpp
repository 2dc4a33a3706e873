#pragma once
// record_timeline: one run of the serving simulation as a Perfetto / Chrome trace. The run is the
// one of simulate() by the event loop (the same times to the picosecond), whatever is shown of it.
//   process 1        requests: "request" holds "queued", "prefill", "decode", "preempted"
//   process 2 + i    engine i: track 1 its steps, then one per device, then one per fabric
// A step's phases lie one after the other in the order of Phase, as they are priced: no overlap.
// Layers are not told apart. All devices of an engine step together, so their phases are those of
// the slowest one; tokens and batch are the device's own.

#include <cstdint>
#include <optional>
#include <string>

#include "models/text/json.hpp"
#include "sim/deployment/deployment.hpp"
#include "sim/serving/simulate.hpp"

namespace moeplan::sim {

struct TimelineOptions {
  static constexpr std::int64_t kSteps = 1000;
  static constexpr std::size_t kEvents = 1000000;

  SimTime from;                  // what begins earlier is left out, or begins here
  std::optional<SimTime> until;  // steps that begin earlier are shown in full
  std::int64_t steps = kSteps;   // of all engines, at most
  std::size_t events = kEvents;  // of the file, at most
};

struct Timeline {
  std::string json;  // the file
  std::string cut;   // why it shows less than the whole run; "" when it shows all
  SimTime from;      // what it shows: from here
  SimTime until;     // to here
  std::int64_t steps = 0;
  std::int64_t requests = 0;  // that were in the system then
  std::size_t events = 0;
  SimDuration busy;    // of the steps shown
  ServingTrace trace;  // of the whole run
};

// about: written into the file's otherData, with `cut`. Deterministic: same bytes for the same
// arguments. Throws: SimulationStuck; std::logic_error for steps < 1 and for a pipeline.
Timeline record_timeline(const Deployment& deployment, const SimulationSetup& setup, StepCost& cost,
                         const TimelineOptions& options, text::Json about);

}  // namespace moeplan::sim
