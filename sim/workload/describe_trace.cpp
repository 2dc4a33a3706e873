#include "sim/workload/describe_trace.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <vector>

namespace moeplan::sim {
namespace {

double percentile_of(const std::vector<std::int32_t>& sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

LengthSummary summary_of(std::vector<std::int32_t> lengths) {
  std::sort(lengths.begin(), lengths.end());
  LengthSummary s;
  for (const std::int32_t length : lengths) {
    s.mean += static_cast<double>(length) / static_cast<double>(lengths.size());
  }
  s.min = lengths.front();
  s.p50 = percentile_of(lengths, 0.50);
  s.p90 = percentile_of(lengths, 0.90);
  s.p95 = percentile_of(lengths, 0.95);
  s.p99 = percentile_of(lengths, 0.99);
  s.max = lengths.back();
  if (s.min < s.max) {
    s.log_normal = fit_log_normal(lengths);
  }
  return s;
}

// Most arrivals in a window [t, t + window), over all t.
std::int64_t most_within(const std::vector<RequestSpec>& requests, SimDuration window) {
  std::size_t most = 0;
  std::size_t first = 0;
  for (std::size_t last = 0; last < requests.size(); ++last) {
    while (requests[last].arrival - requests[first].arrival >= window) {
      ++first;
    }
    most = std::max(most, last - first + 1);
  }
  return static_cast<std::int64_t>(most);
}

std::optional<double> peak(const RequestTrace& trace, double window_s) {
  if (!trace.has_times || in_seconds(trace.span()) < window_s) {
    return std::nullopt;
  }
  return static_cast<double>(most_within(trace.requests, duration_from(Seconds(window_s)))) /
         window_s;
}

template <class X, class Y>
std::optional<double> correlation_of(const std::vector<RequestSpec>& requests, X x, Y y) {
  const auto n = static_cast<double>(requests.size());
  double mean_x = 0.0;
  double mean_y = 0.0;
  for (const RequestSpec& r : requests) {
    mean_x += x(r) / n;
    mean_y += y(r) / n;
  }
  double xx = 0.0;
  double yy = 0.0;
  double xy = 0.0;
  for (const RequestSpec& r : requests) {
    const double dx = x(r) - mean_x;
    const double dy = y(r) - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xx > 0.0 && yy > 0.0 ? std::optional(xy / std::sqrt(xx * yy)) : std::nullopt;
}

void describe_gaps(const RequestTrace& trace, TraceDescription& d) {
  if (!trace.has_times || trace.requests.size() < 2 || d.span_s <= 0.0) {
    return;
  }
  const auto gaps = static_cast<double>(trace.requests.size() - 1);
  const double mean = d.span_s / gaps;
  double squares = 0.0;
  for (std::size_t i = 1; i < trace.requests.size(); ++i) {
    const double gap = in_seconds(trace.requests[i].arrival - trace.requests[i - 1].arrival);
    squares += (gap - mean) * (gap - mean);
  }
  const double cv = std::sqrt(squares / gaps) / mean;
  d.rate_per_s = trace.rate().value();
  d.gap_mean_s = mean;
  d.gap_cv = cv;
  if (cv > 0.0) {
    d.burstiness = 1.0 / (cv * cv);
  }
  d.simultaneous_fraction = static_cast<double>(trace.simultaneous) / (gaps + 1.0);
}

void describe_blocks(const RequestTrace& trace, TraceDescription& d) {
  std::unordered_set<std::uint64_t> seen;  // only counted, never listed
  std::int64_t reused = 0;
  for (const std::uint64_t hash : trace.block_hashes) {
    reused += seen.insert(hash).second ? 0 : 1;
  }
  d.blocks = static_cast<std::int64_t>(trace.block_hashes.size());
  if (d.blocks > 0) {
    d.reused_block_fraction = static_cast<double>(reused) / static_cast<double>(d.blocks);
  }
}

}  // namespace

TraceDescription describe(const RequestTrace& trace) {
  constexpr double kMinute_s = 60.0;
  constexpr double kHour_s = 3600.0;
  TraceDescription d;
  d.requests = static_cast<std::int64_t>(trace.requests.size());
  d.span_s = trace.span().value();
  d.peak_minute_per_s = peak(trace, kMinute_s);
  d.peak_hour_per_s = peak(trace, kHour_s);
  describe_gaps(trace, d);
  std::vector<std::int32_t> prompts;
  std::vector<std::int32_t> outputs;
  for (const RequestSpec& request : trace.requests) {
    prompts.push_back(request.prompt_tokens);
    outputs.push_back(request.output_tokens);
  }
  d.prompt = summary_of(std::move(prompts));
  d.output = summary_of(std::move(outputs));
  d.correlation = correlation_of(
      trace.requests, [](const RequestSpec& r) { return double(r.prompt_tokens); },
      [](const RequestSpec& r) { return double(r.output_tokens); });
  d.log_correlation = correlation_of(
      trace.requests, [](const RequestSpec& r) { return std::log(r.prompt_tokens); },
      [](const RequestSpec& r) { return std::log(r.output_tokens); });
  describe_blocks(trace, d);
  return d;
}

}  // namespace moeplan::sim
