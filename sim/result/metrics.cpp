#include "sim/result/metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

constexpr std::size_t kBatches = 10;
constexpr std::size_t kMinimumForError = 100;
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

// Percentiles of unsorted values at ascending fractions; reorders the values. As percentile().
template <std::size_t N>
std::array<double, N> select(std::vector<double>& values, const std::array<double, N>& fractions) {
  std::array<double, N> result{};
  auto from = values.begin();
  for (std::size_t i = 0; i < N; ++i) {
    const double position = fractions[i] * static_cast<double>(values.size() - 1);
    const auto below = values.begin() + static_cast<std::ptrdiff_t>(position);
    std::nth_element(from, below, values.end());
    const double fraction = position - std::floor(position);
    result[i] = *below;
    if (fraction > 0.0 && below + 1 != values.end()) {
      result[i] += fraction * (*std::min_element(below + 1, values.end()) - *below);
    }
    from = below;
  }
  return result;
}

double batch_error_of_p99(std::span<const double> in_order) {
  if (in_order.size() < kMinimumForError) {
    return 0.0;
  }
  std::vector<double> quantiles;
  for (std::size_t b = 0; b < kBatches; ++b) {
    const std::size_t begin = b * in_order.size() / kBatches;
    const std::size_t end = (b + 1) * in_order.size() / kBatches;
    std::vector<double> batch(in_order.begin() + static_cast<std::ptrdiff_t>(begin),
                              in_order.begin() + static_cast<std::ptrdiff_t>(end));
    quantiles.push_back(select(batch, std::array{0.99}).front());
  }
  const double mean = mean_of(quantiles);
  double squares = 0.0;
  for (const double quantile : quantiles) {
    squares += (quantile - mean) * (quantile - mean);
  }
  return std::sqrt(squares / (kBatches - 1) / kBatches);
}

// Gaps come as (gap, count) runs: the same percentiles over the expanded list.
Distribution distribution_of_gaps(std::vector<TokenGap> gaps) {
  Distribution result;
  if (gaps.empty()) {
    return result;
  }
  std::sort(gaps.begin(), gaps.end(),
            [](const TokenGap& a, const TokenGap& b) { return a.gap < b.gap; });
  double sum = 0.0;
  for (const TokenGap& gap : gaps) {
    result.count += gap.count;
    sum += in_seconds(gap.gap) * gap.count;
  }
  result.mean = sum / static_cast<double>(result.count);
  const auto value_at = [&](double q) {
    const double position = q * static_cast<double>(result.count - 1);
    const auto below = static_cast<std::int64_t>(position);
    std::int64_t passed = 0;
    for (std::size_t i = 0; i < gaps.size(); ++i) {
      passed += gaps[i].count;
      if (below < passed) {
        const double low = in_seconds(gaps[i].gap);
        const double high =
            below + 1 < passed || i + 1 == gaps.size() ? low : in_seconds(gaps[i + 1].gap);
        return low + (position - static_cast<double>(below)) * (high - low);
      }
    }
    return in_seconds(gaps.back().gap);
  };
  result.p50 = value_at(0.50);
  result.p90 = value_at(0.90);
  result.p95 = value_at(0.95);
  result.p99 = value_at(0.99);
  result.max = in_seconds(gaps.back().gap);
  return result;
}

// Each block's number in system times its length over the mean length: equal numbers of arrivals
// in a shorter block are a higher rate.
void weigh_by_rate(std::span<const SystemSample> half, std::array<double, kGrowthBlocks>& means) {
  const double all = in_seconds(half.back().instant - half.front().instant);
  for (std::size_t b = 0; b < kGrowthBlocks; ++b) {
    const std::size_t begin = b * half.size() / kGrowthBlocks;
    const std::size_t end = std::min((b + 1) * half.size() / kGrowthBlocks, half.size() - 1);
    means[b] *= in_seconds(half[end].instant - half[begin].instant) * kGrowthBlocks / all;
  }
}

bool within(double value, double bound) { return bound <= 0.0 || value <= bound; }

}  // namespace

double percentile(std::span<const double> sorted, double q) {
  require(!sorted.empty() && q >= 0.0 && q <= 1.0, "a percentile needs values and q in [0, 1]");
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  if (below + 1 >= sorted.size()) {
    return sorted.back();
  }
  return sorted[below] +
         (position - static_cast<double>(below)) * (sorted[below + 1] - sorted[below]);
}

Distribution distribution_of(std::vector<double> values) {
  Distribution result;
  if (values.empty()) {
    return result;
  }
  result.count = static_cast<std::int64_t>(values.size());
  result.mean = mean_of(values);
  result.max = *std::max_element(values.begin(), values.end());
  result.p99_error = batch_error_of_p99(values);
  const auto [p50, p90, p95, p99] = select(values, std::array{0.50, 0.90, 0.95, 0.99});
  result.p50 = p50;
  result.p90 = p90;
  result.p95 = p95;
  result.p99 = p99;
  return result;
}

Growth growth_over_second_half(std::span<const SystemSample> samples, bool steady) {
  const std::span<const SystemSample> half = samples.subspan(samples.size() / 2);
  Growth growth;
  if (half.size() < 10 * kGrowthBlocks || half.front().instant == half.back().instant) {
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
  std::vector<double> ttft;
  std::vector<double> tpot;
  std::vector<double> e2e;
  std::vector<double> wait;
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
    const double first = in_seconds(r.first_token - r.arrival);
    const double all = in_seconds(r.completion - r.arrival);
    const double per_token = r.output_tokens > 1 ? (all - first) / (r.output_tokens - 1) : 0.0;
    time_in_system += all;
    input_tokens += r.prompt_tokens;
    output_tokens += r.output_tokens;
    good += within(first, objectives.ttft_p99_s) && within(per_token, objectives.tpot_p99_s);
    if (static_cast<std::int64_t>(i) < options.warmup) {
      ++m.warmup;
      continue;
    }
    ttft.push_back(first);
    if (options.every_distribution) {
      e2e.push_back(all);
      wait.push_back(in_seconds(r.scheduled - r.arrival));
    }
    if (r.output_tokens > 1) {
      tpot.push_back(per_token);
    }
  }
  m.ttft = distribution_of(std::move(ttft));
  m.tpot = distribution_of(std::move(tpot));
  m.e2e = distribution_of(std::move(e2e));
  m.wait = distribution_of(std::move(wait));
  if (options.every_distribution) {
    m.itl = distribution_of_gaps(trace.gaps);
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
  const Growth growth = growth_over_second_half(trace.samples, options.steady);
  const double arrivals = 0.5 * static_cast<double>(trace.samples.size());
  m.growth_requests = growth.requests;
  m.overloaded = trace.aborted || (growth.requests > std::max(10.0, kGrowthShare * arrivals) &&
                                   growth.requests > kGrowthSignificance * growth.error);
  m.short_run = m.arrived < kSteadyArrivals;
  m.phases = trace.phases;
  m.exchange_share = trace.phases.exchange_share();
  m.extrapolated = trace.extrapolated;
  return m;
}

bool meets(const ServingMetrics& metrics, const LatencyObjectives& objectives) {
  return !metrics.overloaded && within(metrics.ttft.p50, objectives.ttft_p50_s) &&
         within(metrics.ttft.p99, objectives.ttft_p99_s) &&
         within(metrics.tpot.p50, objectives.tpot_p50_s) &&
         within(metrics.tpot.p99, objectives.tpot_p99_s);
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
