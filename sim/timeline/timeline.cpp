#include "sim/timeline/timeline.hpp"

#include <utility>

#include "sim/timeline/recorder.hpp"

namespace moeplan::sim {

Timeline record_timeline(const Deployment& deployment, const SimulationSetup& setup, StepCost& cost,
                         const TimelineOptions& options, text::Json about) {
  Recorder recorder(deployment, setup.replicas, options);
  ServingTrace trace = simulate_by_events(setup, cost, &recorder);
  return recorder.finish(std::move(trace), std::move(about));
}

}  // namespace moeplan::sim
