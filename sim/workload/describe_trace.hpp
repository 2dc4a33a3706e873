#pragma once
// What a trace looks like: rates, burstiness, lengths. For people who want to know what they feed
// in (`moeplan inspect trace`).

#include <cstdint>
#include <optional>

#include "sim/workload/fit_log_normal.hpp"
#include "sim/workload/request_trace.hpp"

namespace moeplan::sim {

struct LengthSummary {
  double mean = 0.0;
  std::int32_t min = 0;
  double p50 = 0.0;  // linear between neighbours
  double p90 = 0.0;
  double p95 = 0.0;
  double p99 = 0.0;
  std::int32_t max = 0;
  std::optional<LogNormalFit> log_normal;  // none: all lengths equal
};

struct TraceDescription {
  std::int64_t requests = 0;
  double span_s = 0.0;
  std::optional<double> rate_per_s;         // (requests - 1) / span; none without times
  std::optional<double> peak_hour_per_s;    // most arrivals in any window of an hour, per second;
                                            // none for shorter traces
  std::optional<double> peak_minute_per_s;  // the same for a minute
  // Gaps between neighbours.
  std::optional<double> gap_mean_s;
  std::optional<double> gap_cv;        // standard deviation / mean: 1 for Poisson
  std::optional<double> burstiness;    // 1 / cv^2: the shape of gamma gaps with this cv
  double simultaneous_fraction = 0.0;  // of requests at the instant of the one before
  LengthSummary prompt;
  LengthSummary output;
  std::optional<double> correlation;      // Pearson's, of prompt and output lengths
  std::optional<double> log_correlation;  // of their logarithms
  std::int64_t blocks = 0;                // hashes in the trace
  double reused_block_fraction = 0.0;     // of hashes that an earlier request had
};

TraceDescription describe(const RequestTrace& trace);

}  // namespace moeplan::sim
