#pragma once
// TraceFile: a timeline read back as a viewer would read it, and a small run to make one of.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/serving/model_step_cost.hpp"
#include "sim/timeline/timeline.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::tests {

struct TraceEvent {
  char phase = ' ';
  std::string name;
  std::int64_t at = 0;        // ps
  std::int64_t duration = 0;  // ps
  std::int64_t process = 0;
  std::int64_t thread = 0;
  std::int64_t id = -1;
  std::map<std::string, std::string> args;  // scalars as written
  std::int64_t end() const { return at + duration; }
};

struct TraceFile {
  std::vector<TraceEvent> events;            // without names
  std::map<std::int64_t, std::string> name;  // of threads
  std::map<std::int64_t, std::string> process_name;
  std::string cut;  // "" for null

  // Throws: InputError where it is no JSON; std::out_of_range for a missing field.
  explicit TraceFile(const std::string& json);
  // Spans of each track, in the order of the file.
  std::map<std::int64_t, std::vector<TraceEvent>> tracks() const;
  std::vector<TraceEvent> of(char phase, const std::string& called = "") const;
};

// Every b is closed by an e of its name and id, innermost first.
void expect_balanced(const TraceFile& file);

// Two GPUs (attention data-parallel, experts spread) of the small scenario on data-sheet laws, with
// a KV cache so small that requests are preempted.
class SmallRun {
 public:
  SmallRun();
  sim::Timeline record(const sim::TimelineOptions& options = {});
  sim::ServingTrace simulate();

  sim::SimulationSetup setup;

 private:
  ScenarioFile file_;
  sim::Scenario scenario_;
  sim::Deployment deployment_;
  sim::ModelStepCost cost_;
};

}  // namespace moeplan::tests
