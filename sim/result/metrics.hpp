#pragma once
// ServingMetrics: what users and engineers read off a run (serving.md 5), made from a trace.
// All durations in seconds; percentiles by linear interpolation over completed requests after the
// warm-up; nothing here is rounded.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/result/distribution.hpp"
#include "sim/result/serving_trace.hpp"

namespace moeplan::sim {

// A latency objective on one percentile; 0 = none.
struct LatencyObjectives {
  double ttft_p50_s = 0.0;
  double ttft_p99_s = 0.0;
  double tpot_p50_s = 0.0;
  double tpot_p99_s = 0.0;
};

enum class Verdict { met, missed, undecided };
// "met", "missed", "undecided".
const char* verdict_name(Verdict verdict);

// Fractions at which LatencyCurves holds a distribution: fine enough to draw it, tail included.
inline constexpr std::array kCurveFractions = {
    0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2,  0.25, 0.3,  0.35, 0.4,  0.45,  0.5,  0.55,  0.6,   0.65,
    0.7, 0.75, 0.8,  0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.999, 1.0};

// TTFT and TPOT in seconds at kCurveFractions, exact percentiles; empty where there are no values.
struct LatencyCurves {
  std::vector<double> ttft;
  std::vector<double> tpot;
};

// Buffers of fixed capacity, filled and overflowing (serving.md 4); shares over a run.
struct BufferUse {
  double dropped_fraction = 0.0;  // of routed (token, expert) pairs: they skip their expert
  double padding_fraction = 0.0;  // of buffer rows: sent and computed without a token
};

// What a prefix cache did.
struct PrefixUse {
  double hit_fraction = 0.0;      // of the prompt tokens of all requests: found, not computed
  std::int64_t tokens_saved = 0;  // prompt tokens found
};

// What prefill/decode disaggregation did.
struct HandoverUse {
  Distribution wait;                   // token 1 to the blocks at the decode engine
  Distribution transfer;               // from there until the cache has come
  double prefill_busy_fraction = 0.0;  // of the prefill engines' time
  double decode_busy_fraction = 0.0;
  double prefill_kv_peak_fraction = 0.0;
};

struct ServingMetrics {
  Distribution ttft;  // arrival to first token
  Distribution tpot;  // (E2E - TTFT) / (output tokens - 1), one-token requests left out
  Distribution itl;   // every gap between tokens of a request (no p99 error)
  Distribution e2e;   // arrival to last token
  Distribution wait;  // arrival to the first batch
  std::int64_t arrived = 0;
  std::int64_t completed = 0;
  std::int64_t rejected = 0;
  std::int64_t unfinished = 0;
  std::int64_t warmup = 0;          // arrivals left out of percentiles
  double duration_s = 0.0;          // first arrival to last event
  double requests_per_s = 0.0;      // completed / duration
  double input_tokens_per_s = 0.0;  // prompt tokens of completed requests / duration
  double output_tokens_per_s = 0.0;
  double goodput_requests_per_s = 0.0;  // completed within the per-request objectives / duration
  double mean_batch = 0.0;              // sequences per step and rank-step
  double busy_fraction = 0.0;           // of the replicas' time
  double input_time_fraction = 0.0;     // device time spent on prompt tokens
  std::int64_t steps = 0;
  std::int64_t preemptions = 0;
  double kv_peak_fraction = 0.0;
  double steps_out_of_blocks_fraction = 0.0;
  double steps_at_max_sequences_fraction = 0.0;
  double mean_in_system = 0.0;   // L of Little's law, over the whole run
  bool overloaded = false;       // the system grows over the second half of the arrivals
  double growth_requests = 0.0;  // fitted growth over that half
  bool short_run = false;        // fewer than 10,000 arrivals
  PhaseTimes phases;
  double exchange_share = 0.0;
  std::optional<BufferUse> buffers;      // nullopt: dropless
  std::optional<HandoverUse> handover;   // nullopt: one pool
  std::optional<PrefixUse> prefix;       // nullopt: no prefix caching
  std::optional<LockStepUse> lock_step;  // nullopt: engines of one data-parallel rank
  std::optional<LatencyCurves> curves;   // nullopt: not asked for
  std::vector<std::string> extrapolated;
};

struct MetricsOptions {
  std::int64_t warmup = 0;
  LatencyObjectives objectives;
  std::int64_t kv_blocks = 0;          // of one rank, for the peak fraction
  std::int32_t replicas = 1;           // engines of the run
  std::int32_t prefill_engines = 0;    // of them, with disaggregation
  std::int64_t prefill_kv_blocks = 0;  // of one of their ranks
  bool every_distribution = true;      // false: TTFT and TPOT only, for searches
  bool curves = false;                 // true: LatencyCurves too
  bool steady = true;                  // false: the arrival rate changes over the run
};

// Throws: std::logic_error when no request completed after the warm-up and the run was not
// aborted; callers check the scenario for that first.
ServingMetrics summarize(const ServingTrace& trace, const MetricsOptions& options);

// Growth of the number in system over the second half of the arrivals, in requests, and its
// standard error: a line through the means of ten blocks. 0 for fewer than 200 arrivals, and when
// all of the half arrive at once.
struct Growth {
  double requests = 0.0;
  double error = 0.0;
};
// steady = false: of the time in system instead (number over arrival rate of the block, by Little's
// law), times the mean rate: a queue that is longer only because more arrive is no growth.
Growth growth_over_second_half(std::span<const RequestRecord> requests, bool steady = true);

// The verdict on all latency objectives: missed if one is missed by more than its error, undecided
// if one lies within 1.96 standard errors of its bound, else met. Overload is always missed.
Verdict verdict(const ServingMetrics& metrics, const LatencyObjectives& objectives);

// Plain comparison of the estimates, as searches under common random numbers use it.
bool meets(const ServingMetrics& metrics, const LatencyObjectives& objectives);

}  // namespace moeplan::sim
