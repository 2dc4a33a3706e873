// Workload: what one engine sees of the fleet's traffic.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/scenario/scenario.hpp"

namespace moeplan::sim {

Arrivals Workload::arrivals_at(double load) const {
  switch (kind) {
    case ArrivalKind::closed_loop:
    case ArrivalKind::all_at_once:
      return ClosedLoop{static_cast<std::int32_t>(std::llround(load)), think_time};
    case ArrivalKind::trace:
      return TraceArrivals{trace, load / trace->rate().value()};
    case ArrivalKind::poisson:
    case ArrivalKind::gamma:
      break;
  }
  if (kind == ArrivalKind::poisson && !bursts && !day && !ramp) {
    return PoissonArrivals{PerSecond(load)};
  }
  return ShapedArrivals{.rate = PerSecond(load),
                        .burstiness = burstiness,
                        .bursts = bursts,
                        .day = day,
                        .ramp = ramp};
}

std::string Workload::split_text() const {
  switch (kind) {
    case ArrivalKind::closed_loop:
      return "each replica serves its share of the users";
    case ArrivalKind::all_at_once:
      return "each replica serves its share of the batch";
    case ArrivalKind::trace:
      return "each replica sees the whole trace, its times stretched so that the mean rate is the "
             "replica's share of the fleet's";
    case ArrivalKind::gamma:
      return "each replica sees gamma traffic of its own, at its share of the fleet's rate";
    case ArrivalKind::poisson:
      break;
  }
  if (bursts || day || ramp) {
    return "each replica sees the same change of the rate over time, at its share of the fleet's "
           "rate";
  }
  return "each replica sees independent Poisson traffic (random split of the fleet's traffic)";
}

std::string Scenario::split_text() const {
  return replica_router ? fmt::format("all replicas are simulated together behind a {} router",
                                      name_of(*replica_router))
                        : workload.split_text();
}

void Workload::shorten(std::int64_t arrivals) {
  requests = trace ? std::min(arrivals, requests) : arrivals;
  warmup = requests / 10;
  if (kind == ArrivalKind::all_at_once) {
    concurrency = requests;
    warmup = 0;
  }
}

}  // namespace moeplan::sim
