#include "sim/result/distribution.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "models/units/require.hpp"
#include "sim/result/rank_search.hpp"

namespace moeplan::sim {
namespace {

constexpr std::size_t kBatches = 10;
constexpr std::size_t kMinimumForError = 100;
constexpr std::array kFractions = {0.50, 0.90, 0.95, 0.99};

double mean_of(std::span<const double> values) {
  double sum = 0.0;
  for (const double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

// Fills the percentiles; scale: of the values to seconds, given as a divisor.
template <class Each>
void add_percentiles(const Each& each, double min, double max, double divisor,
                     Distribution& result) {
  constexpr std::size_t n = kFractions.size();
  std::array<std::int64_t, 2 * n> ranks{};
  std::array<double, 2 * n> values{};
  for (std::size_t i = 0; i < n; ++i) {
    const double position = kFractions[i] * static_cast<double>(result.count - 1);
    ranks[2 * i] = static_cast<std::int64_t>(position);
    ranks[2 * i + 1] = std::min(ranks[2 * i] + 1, result.count - 1);
  }
  // Ascending, as the search wants them: neighbours of one fraction may pass those of the next.
  std::array<std::int64_t, 2 * n> sorted = ranks;
  std::sort(sorted.begin(), sorted.end());
  values_at(each, min, max, sorted, values);
  const auto value_at = [&](std::int64_t rank) {
    const auto found = std::lower_bound(sorted.begin(), sorted.end(), rank);
    return values[static_cast<std::size_t>(found - sorted.begin())] / divisor;
  };
  std::array<double*, n> out = {&result.p50, &result.p90, &result.p95, &result.p99};
  for (std::size_t i = 0; i < n; ++i) {
    const double position = kFractions[i] * static_cast<double>(result.count - 1);
    const double low = value_at(ranks[2 * i]);
    const double high = value_at(ranks[2 * i + 1]);
    *out[i] = low + (position - std::floor(position)) * (high - low);
  }
  result.max = max / divisor;
}

// The p99 of one batch. `probable`: a value below which its 98th percentile probably lies; only
// what is above need be looked at then.
double batch_p99(std::span<const double> batch, double probable, std::vector<double>& scratch) {
  scratch.clear();
  for (const double value : batch) {
    if (value >= probable) {
      scratch.push_back(value);
    }
  }
  const double position = 0.99 * static_cast<double>(batch.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t from_top = batch.size() - below;  // values from rank `below` up
  if (scratch.size() < from_top) {
    scratch.assign(batch.begin(), batch.end());
  }
  const auto at = scratch.end() - static_cast<std::ptrdiff_t>(from_top);
  std::nth_element(scratch.begin(), at, scratch.end());
  const double fraction = position - std::floor(position);
  return fraction > 0.0 && at + 1 != scratch.end()
             ? *at + fraction * (*std::min_element(at + 1, scratch.end()) - *at)
             : *at;
}

double batch_error_of_p99(std::span<const double> in_order, double p95) {
  if (in_order.size() < kMinimumForError) {
    return 0.0;
  }
  std::array<double, kBatches> quantiles{};
  std::vector<double> scratch;
  for (std::size_t b = 0; b < kBatches; ++b) {
    const std::size_t begin = b * in_order.size() / kBatches;
    const std::size_t end = (b + 1) * in_order.size() / kBatches;
    quantiles[b] = batch_p99(in_order.subspan(begin, end - begin), p95, scratch);
  }
  const double mean = mean_of(quantiles);
  double squares = 0.0;
  for (const double quantile : quantiles) {
    squares += (quantile - mean) * (quantile - mean);
  }
  return std::sqrt(squares / (kBatches - 1) / kBatches);
}

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

Distribution distribution_of(std::span<const double> values) {
  Distribution result;
  if (values.empty()) {
    return result;
  }
  result.count = static_cast<std::int64_t>(values.size());
  double sum = 0.0;
  double min = values.front();
  double max = values.front();
  for (const double value : values) {
    sum += value;
    min = value < min ? value : min;
    max = value > max ? value : max;
  }
  result.mean = sum / static_cast<double>(values.size());
  const auto each = [&](const auto& action) {
    for (const double value : values) {
      action(value, 1);
    }
  };
  add_percentiles(each, min, max, 1.0, result);
  result.p99_error = batch_error_of_p99(values, result.p95);
  return result;
}

Distribution distribution_of(const GapLog& gaps) {
  using Wide = __int128;
  Distribution result;
  if (gaps.empty()) {
    return result;
  }
  Wide sum = 0;
  std::int64_t min = std::numeric_limits<std::int64_t>::max();
  std::int64_t max = 0;
  gaps.for_each([&](std::int64_t ps, std::int64_t count) {
    result.count += count;
    sum += Wide{ps} * count;
    min = std::min(min, ps);
    max = std::max(max, ps);
  });
  result.mean = static_cast<double>(sum) / 1e12 / static_cast<double>(result.count);
  const auto each = [&](const auto& action) {
    gaps.for_each(
        [&](std::int64_t ps, std::int64_t count) { action(static_cast<double>(ps), count); });
  };
  add_percentiles(each, static_cast<double>(min), static_cast<double>(max), 1e12, result);
  return result;
}

}  // namespace moeplan::sim
