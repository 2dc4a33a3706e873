#pragma once
// Adaptation: engines of one size that hold one pruned variant at a time and are given to tasks
// window by window, as demand moves over the day; what switching costs, and the smallest fleet that
// serves everything. A pure function of demand; knows no scenario and simulates no requests.

#include <cstdint>
#include <vector>

#include "models/units/quantity.hpp"

namespace moeplan::sim {

// Days repeat: the window after the last is the first.
struct AdaptationInput {
  // [windows][tasks], in engines: a task's rate / the most that one engine serves of it.
  std::vector<std::vector<double>> demand;
  Seconds window;  // length of each, > 0
  // [tasks], any numbers: an engine goes over to a task of the same variant at once.
  std::vector<std::size_t> variant;
  // [tasks], time during which an engine that takes up the task's variant serves nothing.
  std::vector<Seconds> reload;
  // An engine that has switched keeps its variant for at least so long (hysteresis); 0 s: no rule.
  Seconds hold;
  // true: the day is known, and engines reload at the end of the window before they are needed;
  // false: they begin when demand has changed.
  bool foresight = true;
};

struct AdaptationWindow {
  std::vector<std::int64_t> engines;  // [tasks], from the start of the window (reloading ones too)
  std::int64_t switches = 0;          // engines that took up another variant for this window
};

// One day, after the assignment has become periodic.
struct Adaptation {
  std::int64_t engines = 0;
  std::vector<AdaptationWindow> windows;
  std::int64_t switches = 0;       // a day
  Seconds lost;                    // engine-seconds a day spent on reloading
  Seconds unserved;                // engine-seconds of demand a day that no engine served
  double unserved_fraction = 0.0;  // of the day's demand
  bool periodic = false;           // false: not within ten days
};

// ceil, but for the rounding of a quotient that is a whole number.
std::int64_t whole_engines(double demand);

// Engines of a fleet that has as many for each task as its busiest window needs.
//   sum over t of max over w of ceil(demand[w][t])
std::int64_t separate_engines(const AdaptationInput& input);

// No policy with foresight serves everything with fewer: what reloads between two windows is
// missing in the first and needed in the second.
//   max over w, over tasks sum of max(ceil(demand[w]), ceil(demand[w + 1]))
// Tasks of a variant that others have too, and tasks that reload in no time, count with window w
// alone; a task whose reload does not fit into a window, with its busiest window.
std::int64_t fewest_engines(const AdaptationInput& input);

// Runs the policy on `engines` >= 1 engines.
//   Nothing moves unless a task would lack an engine (a surplus alone switches nothing). Then it
//   gets one of a task that has more than it needs now and next: of its own variant before others,
//   then the one that would be missed last. Where nobody can spare one, one that is not needed
//   next. A reload that does not fit into one window is never begun, nor one within `hold` of the
//   engine's last.
// Unserved is max(0, demand - engines that serve), integrated over time: a queue behind a reload
// would miss its objectives, so it is not served later.
// Deterministic. Throws: std::logic_error for engines < 1, no windows, rows of different lengths or
// negative demand.
Adaptation adapt(const AdaptationInput& input, std::int64_t engines);

// The smallest fleet whose run is periodic and leaves nothing unserved, with its run; at most
// separate_engines(), which never switches. Needs foresight. Throws: as adapt().
Adaptation smallest_fleet(const AdaptationInput& input);

}  // namespace moeplan::sim
