#pragma once
// When requests arrive. A new process is one more alternative of Arrivals and its branch in
// RequestSource (or, for open processes, in ArrivalTimes).
//
// Under a higher rate every open process draws the same unit gaps, only closer together (common
// random numbers); what each does with its other times stands beside it.

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "models/units/quantity.hpp"

namespace moeplan::sim {

struct RequestTrace;

// Open loop: independent exponential gaps, the first request after the first gap.
struct PoissonArrivals {
  PerSecond rate;  // > 0
};

// Bursts: the rate switches between two values, for exponential times of the given means. The
// long-run mean rate stays `rate`. Phases last as long at every rate.
struct Bursts {
  double factor;  // >= 1: rate within a burst over the rate between bursts
  Seconds on;     // > 0: mean length of a burst
  Seconds off;    // > 0: mean time between bursts
};

// A rate that repeats day after day: constant within each of 24 hours.
struct DayProfile {
  std::vector<double> weights;    // [24], >= 0, one above 0: relative rates of the hours
  std::optional<Seconds> length;  // of a day; none: a run of request_count requests is one day
};

// As `vllm bench serve --ramp-up-strategy`: request i of n has its gap drawn at the rate
// rate (start + (1 - start) p) (linear) or rate start^(1 - p) (exponential), p = i / (n - 1).
struct RampUp {
  bool exponential = false;
  double start = 1.0;  // in (0, 1]: first rate over last rate
};

// Open loop with gamma gaps of shape `burstiness` (1: Poisson; below: bursts; above: even), as
// `vllm bench serve --burstiness`; unlike there, a run is not stretched to exactly n / rate. With
// bursts or a day the gaps are drawn in the time that passes at the momentary rate (exact for
// Poisson: an inhomogeneous Poisson process).
struct ShapedArrivals {
  PerSecond rate;  // > 0, mean over bursts and day; the last rate of a ramp
  double burstiness = 1.0;
  std::optional<Bursts> bursts;
  std::optional<DayProfile> day;
  std::optional<RampUp> ramp;  // not together with bursts or a day
};

// Closed loop: `concurrency` requests at time 0; each completion is followed by the next request
// after the think time. With none, that request is in the step that begins at the completion; any
// pause, as every real client makes (answer out, request in, tokenising), misses that step.
// A concurrency of the number of requests is "all at once" (vLLM's request rate "inf").
struct ClosedLoop {
  std::int32_t concurrency;  // >= 1
  Seconds think_time{0.0};   // >= 0
};

// The recorded requests with their lengths, their times divided by `speed`: a trace is compressed
// as a whole, its bursts and its day with it.
struct TraceArrivals {
  std::shared_ptr<const RequestTrace> trace;  // with times
  double speed = 1.0;                         // > 0
};

using Arrivals = std::variant<PoissonArrivals, ClosedLoop, ShapedArrivals, TraceArrivals>;

}  // namespace moeplan::sim
