#include "sim/result/metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kSteadyArrivals = 10000;
constexpr std::size_t kGrowthBlocks = 10;
constexpr double kGrowthShare = 0.02;
constexpr double kGrowthSignificance = 4.0;

double mean_of(std::span<const double> values) {
  double sum = 0.0;
  for (const double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

// Each block's number in system times its length over the mean length: equal numbers of arrivals
// in a shorter block are a higher rate.
void weigh_by_rate(std::span<const RequestRecord> half, std::array<double, kGrowthBlocks>& means) {
  const double all = in_seconds(half.back().arrival - half.front().arrival);
  for (std::size_t b = 0; b < kGrowthBlocks; ++b) {
    const std::size_t begin = b * half.size() / kGrowthBlocks;
    const std::size_t end = std::min((b + 1) * half.size() / kGrowthBlocks, half.size() - 1);
    means[b] *= in_seconds(half[end].arrival - half[begin].arrival) * kGrowthBlocks / all;
  }
}

bool within(double value, double bound) { return bound <= 0.0 || value <= bound; }

// Calls action(record) for the completed requests after the warm-up, in order of arrival.
template <class Action>
void for_each_counted(const ServingTrace& trace, std::int64_t warmup, Action action) {
  for (std::size_t i = static_cast<std::size_t>(warmup); i < trace.requests.size(); ++i) {
    if (trace.requests[i].status == RequestStatus::completed) {
      action(trace.requests[i]);
    }
  }
}

double ttft_of(const RequestRecord& r) { return in_seconds(r.first_token - r.arrival); }
double e2e_of(const RequestRecord& r) { return in_seconds(r.completion - r.arrival); }
double tpot_of(const RequestRecord& r) {
  return (e2e_of(r) - ttft_of(r)) / static_cast<double>(r.output_tokens - 1);
}

HandoverUse handover_use(const ServingTrace& trace, const MetricsOptions& options,
                         double duration_s) {
  HandoverUse use;
  std::vector<double> waits;
  std::vector<double> transfers;
  for (const KvMove& move : trace.handover->moves) {
    const RequestRecord& r = trace.requests[static_cast<std::size_t>(move.request)];
    if (move.request >= options.warmup && r.status == RequestStatus::completed) {
      waits.push_back(in_seconds(move.begin - move.handed_over));
      transfers.push_back(in_seconds(move.end - move.begin));
    }
  }
  use.wait = distribution_of(waits);
  use.transfer = distribution_of(transfers);
  const double prefill_busy = in_seconds(trace.handover->prefill_busy);
  if (duration_s > 0.0) {
    use.prefill_busy_fraction = prefill_busy / (duration_s * options.prefill_engines);
    use.decode_busy_fraction = (in_seconds(trace.busy) - prefill_busy) /
                               (duration_s * (options.replicas - options.prefill_engines));
  }
  if (options.prefill_kv_blocks > 0) {
    use.prefill_kv_peak_fraction = static_cast<double>(trace.handover->prefill_peak_kv_blocks) /
                                   static_cast<double>(options.prefill_kv_blocks);
  }
  return use;
}

// The values at kCurveFractions; sorts them.
std::vector<double> curve_of(std::vector<double>& values) {
  std::vector<double> curve;
  if (!values.empty()) {
    std::sort(values.begin(), values.end());
    for (const double fraction : kCurveFractions) {
      curve.push_back(percentile(values, fraction));
    }
  }
  return curve;
}

std::optional<LockStepUse> lock_step_of(const ServingTrace& trace) {
  const LockStepTotals& all = trace.lock_step;
  if (all.rank_steps == 0) {
    return std::nullopt;
  }
  const auto rank_steps = static_cast<double>(all.rank_steps);
  const auto steps = static_cast<double>(all.steps);
  LockStepUse use;
  use.idle_fraction = in_seconds(all.waiting) / in_seconds(all.priced);
  if (all.slowest > SimDuration(0)) {
    use.own_work_idle_fraction = in_seconds(all.waiting) / in_seconds(all.slowest);
  }
  use.dummy_batches = all.dummy_batches;
  use.dummy_fraction = static_cast<double>(all.dummy_batches) / rank_steps;
  use.steps_with_dummy_fraction = static_cast<double>(all.steps_with_dummy) / steps;
  // Mean tokens of a rank: all tokens / ranks, and ranks = rank_steps / steps.
  use.largest_over_mean_tokens = static_cast<double>(all.largest_tokens) * rank_steps / steps /
                                 static_cast<double>(all.tokens);
  return use;
}

}  // namespace

Growth growth_over_second_half(std::span<const RequestRecord> requests, bool steady) {
  const std::span<const RequestRecord> half = requests.subspan(requests.size() / 2);
  Growth growth;
  if (half.size() < 10 * kGrowthBlocks || half.front().arrival == half.back().arrival) {
    return growth;
  }
  // Means of blocks of equal numbers of arrivals, against the block's number.
  std::array<double, kGrowthBlocks> means{};
  for (std::size_t b = 0; b < kGrowthBlocks; ++b) {
    const std::size_t begin = b * half.size() / kGrowthBlocks;
    const std::size_t end = (b + 1) * half.size() / kGrowthBlocks;
    for (std::size_t i = begin; i < end; ++i) {
      means[b] += static_cast<double>(half[i].in_system) / static_cast<double>(end - begin);
    }
  }
  if (!steady) {
    weigh_by_rate(half, means);
  }
  const double mean = mean_of(means);
  constexpr double kMiddle = 0.5 * (kGrowthBlocks - 1);
  double covariance = 0.0;
  double variance = 0.0;
  for (std::size_t b = 0; b < kGrowthBlocks; ++b) {
    const double x = static_cast<double>(b) - kMiddle;
    covariance += x * (means[b] - mean);
    variance += x * x;
  }
  const double slope = covariance / variance;
  double squares = 0.0;
  for (std::size_t b = 0; b < kGrowthBlocks; ++b) {
    const double residual = means[b] - mean - slope * (static_cast<double>(b) - kMiddle);
    squares += residual * residual;
  }
  growth.requests = slope * kGrowthBlocks;
  growth.error = std::sqrt(squares / (kGrowthBlocks - 2) / variance) * kGrowthBlocks;
  return growth;
}

ServingMetrics summarize(const ServingTrace& trace, const MetricsOptions& options) {
  ServingMetrics m;
  double input_tokens = 0.0;
  double output_tokens = 0.0;
  double time_in_system = 0.0;
  std::int64_t good = 0;
  const LatencyObjectives& objectives = options.objectives;
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    const RequestRecord& r = trace.requests[i];
    ++m.arrived;
    if (r.status == RequestStatus::unfinished) {
      ++m.unfinished;
      time_in_system += in_seconds(trace.end - r.arrival);
      continue;
    }
    if (r.status != RequestStatus::completed) {
      ++m.rejected;
      continue;
    }
    ++m.completed;
    m.warmup += static_cast<std::int64_t>(i) < options.warmup ? 1 : 0;
    time_in_system += e2e_of(r);
    input_tokens += r.prompt_tokens;
    output_tokens += r.output_tokens;
    good += within(ttft_of(r), objectives.ttft_p99_s) &&
            within(r.output_tokens > 1 ? tpot_of(r) : 0.0, objectives.tpot_p99_s);
  }
  // One list of values at a time: of ten million requests each takes 80 MB.
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(m.completed));
  const auto distribution = [&](auto value_of) {
    values.clear();
    for_each_counted(trace, options.warmup,
                     [&](const RequestRecord& r) { values.push_back(value_of(r)); });
    return distribution_of(values);
  };
  m.ttft = distribution(ttft_of);
  if (options.curves) {
    m.curves = LatencyCurves{.ttft = curve_of(values), .tpot = {}};
  }
  if (options.every_distribution) {
    m.e2e = distribution(e2e_of);
    m.wait =
        distribution([](const RequestRecord& r) { return in_seconds(r.scheduled - r.arrival); });
    m.itl = distribution_of(trace.gaps);
  }
  values.clear();
  for_each_counted(trace, options.warmup, [&](const RequestRecord& r) {
    if (r.output_tokens > 1) {
      values.push_back(tpot_of(r));
    }
  });
  m.tpot = distribution_of(values);
  if (m.curves) {
    m.curves->tpot = curve_of(values);
  }
  require(m.ttft.count > 0 || trace.aborted || m.rejected > 0,
          "no request completed after the warm-up");
  const double begin = trace.requests.empty() ? 0.0 : in_seconds(trace.requests.front().arrival);
  m.duration_s = in_seconds(trace.end) - begin;
  if (m.duration_s > 0.0) {
    m.requests_per_s = static_cast<double>(m.completed) / m.duration_s;
    m.input_tokens_per_s = input_tokens / m.duration_s;
    m.output_tokens_per_s = output_tokens / m.duration_s;
    m.goodput_requests_per_s = static_cast<double>(good) / m.duration_s;
    m.busy_fraction = in_seconds(trace.busy) / (m.duration_s * options.replicas);
    m.mean_in_system = time_in_system / m.duration_s;
  }
  m.steps = trace.steps;
  m.preemptions = trace.preemptions;
  if (trace.steps > 0) {
    const auto steps = static_cast<double>(trace.steps);
    m.mean_batch = static_cast<double>(trace.sequence_steps) / steps;
    m.steps_out_of_blocks_fraction = static_cast<double>(trace.steps_out_of_blocks) / steps;
    m.steps_at_max_sequences_fraction = static_cast<double>(trace.steps_at_max_sequences) / steps;
    m.input_time_fraction = in_seconds(trace.prefill_time) / in_seconds(trace.busy);
  }
  if (options.kv_blocks > 0) {
    m.kv_peak_fraction =
        static_cast<double>(trace.peak_kv_blocks) / static_cast<double>(options.kv_blocks);
  }
  // A stable system fluctuates: growth counts as overload when it is 2 % of the half's arrivals
  // and four times its own error.
  const Growth growth = growth_over_second_half(trace.requests, options.steady);
  const double arrivals = 0.5 * static_cast<double>(trace.requests.size());
  m.growth_requests = growth.requests;
  m.overloaded = trace.aborted || (growth.requests > std::max(10.0, kGrowthShare * arrivals) &&
                                   growth.requests > kGrowthSignificance * growth.error);
  m.short_run = m.arrived < kSteadyArrivals;
  m.phases = trace.phases;
  m.exchange_share = trace.phases.exchange_share();
  if (const ExpertRows& rows = trace.expert_rows; rows.buffer_rows > 0.0) {
    m.buffers = {.dropped_fraction = rows.dropped / rows.routed,
                 .padding_fraction = 1.0 - (rows.routed - rows.dropped) / rows.buffer_rows};
  }
  if (trace.handover) {
    m.handover = handover_use(trace, options, m.duration_s);
  }
  if (trace.prefix_caching) {
    const std::int64_t prompts = trace.prompt_tokens + trace.cached_tokens;
    m.prefix = {.hit_fraction = prompts > 0 ? static_cast<double>(trace.cached_tokens) /
                                                  static_cast<double>(prompts)
                                            : 0.0,
                .tokens_saved = trace.cached_tokens};
  }
  m.lock_step = lock_step_of(trace);
  m.extrapolated = trace.extrapolated;
  return m;
}

bool meets(const ServingMetrics& metrics, const LatencyObjectives& objectives) {
  return !metrics.overloaded && within(metrics.ttft.p50, objectives.ttft_p50_s) &&
         within(metrics.ttft.p99, objectives.ttft_p99_s) &&
         within(metrics.tpot.p50, objectives.tpot_p50_s) &&
         within(metrics.tpot.p99, objectives.tpot_p99_s);
}

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::met:
      return "met";
    case Verdict::missed:
      return "missed";
    case Verdict::undecided:
      return "undecided";
  }
  return "";
}

Verdict verdict(const ServingMetrics& metrics, const LatencyObjectives& objectives) {
  if (metrics.overloaded) {
    return Verdict::missed;
  }
  const auto judge = [](double value, double error, double bound) {
    if (bound <= 0.0 || value + 1.96 * error <= bound) {
      return Verdict::met;
    }
    return value - 1.96 * error > bound ? Verdict::missed : Verdict::undecided;
  };
  Verdict result = meets(metrics, objectives) ? Verdict::met : Verdict::missed;
  for (const Verdict each :
       {judge(metrics.ttft.p99, metrics.ttft.p99_error, objectives.ttft_p99_s),
        judge(metrics.tpot.p99, metrics.tpot.p99_error, objectives.tpot_p99_s)}) {
    if (each == Verdict::missed) {
      return Verdict::missed;
    }
    if (each == Verdict::undecided) {
      result = Verdict::undecided;
    }
  }
  return result;
}

}  // namespace moeplan::sim
