#pragma once
// The sweep: which points in which order, one launch at a time. A launch is a process of its own
// (process.hpp), because memory layout, clocks and connections differ from one to the next and stay
// within one; inside it every point is visited `visits` times, in a seeded random order.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "calibrate/measurement/journal.hpp"
#include "calibrate/measurement/measure_point.hpp"
#include "calibrate/measurement/stop_rule.hpp"

namespace moeplan::calibrate {

// The points of one visit of a launch, shuffled (Fisher-Yates with SplitMix64 of seed, launch and
// visit): the same in every run, drifts of the machine fall on all points alike.
std::vector<std::string> visit_order(const JournalHeader& header, int launch, int visit);

// A case that cannot be built here, and why; recorded as `skipped`.
struct Skipped {
  std::string reason;
};
using MadeCase = std::variant<std::unique_ptr<TimedCase>, Skipped>;

struct SweepProgress {
  std::int64_t done = 0;  // visits, of all launches, those found in the journal included
  std::int64_t all = 0;
  Seconds left;    // estimated from the visits that this process made; below zero: unknown
  std::string id;  // of the point that begins
};

struct LaunchOptions {
  StopRule rule;
  // Ask before every visit; true ends the launch there. The visit that runs is always finished.
  std::function<bool()> stop = [] { return false; };
  std::function<void(const SweepProgress&)> progress = [](const SweepProgress&) {};
};

enum class LaunchEnd { finished, stopped };

// Visits what the journal lacks of this launch, and appends each visit when it is finished.
// make_case: builds the case of an id. Its DeviceError makes the visit `failed`, std::bad_alloc
// too; any other exception ends the launch.
// Where the header has a budget, a visit may take twice its share of the time that is left, at
// most what the rule allows and at least as long as the rule's warm-up.
LaunchEnd run_launch(Journal& journal, int launch,
                     const std::function<MadeCase(const std::string& id)>& make_case,
                     const LaunchOptions& options, Clock& clock);

}  // namespace moeplan::calibrate
