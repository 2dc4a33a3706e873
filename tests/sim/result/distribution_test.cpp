// Are percentiles found without sorting those of the sorted list, to the last bit, whatever the
// values look like?

#include "sim/result/distribution.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/engine/random_stream.hpp"

namespace moeplan::sim {
namespace {

// Lists that searches by bucket get wrong: equal values, zeros, outliers, narrow bands far from 0.
double draw(RandomStream& random, std::int64_t kind) {
  switch (kind) {
    case 0:
      return random.uniform();
    case 1:
      return std::floor(5.0 * random.uniform());
    case 2:
      return random.uniform() < 0.7 ? 0.0 : random.exponential(1e-3);
    case 3:
      return random.uniform() < 0.001 ? 1e6 : random.exponential(1e-3);
    case 4:
      return 1000.0 + 1e-9 * random.uniform();
    case 5:
      return std::exp(20.0 * random.normal());
    default:
      return 7.25;
  }
}

double error_of_p99(const std::vector<double>& values) {
  std::vector<double> quantiles;
  for (std::size_t b = 0; b < 10; ++b) {
    std::vector<double> batch(
        values.begin() + static_cast<std::ptrdiff_t>(b * values.size() / 10),
        values.begin() + static_cast<std::ptrdiff_t>((b + 1) * values.size() / 10));
    std::sort(batch.begin(), batch.end());
    quantiles.push_back(percentile(batch, 0.99));
  }
  double mean = 0.0;
  for (const double q : quantiles) {
    mean += q;
  }
  mean /= 10.0;
  double squares = 0.0;
  for (const double q : quantiles) {
    squares += (q - mean) * (q - mean);
  }
  return std::sqrt(squares / 9.0 / 10.0);
}

TEST(Distribution, PercentilesAreThoseOfTheSortedList) {
  for (std::int64_t kind = 0; kind <= 6; ++kind) {
    for (const std::size_t size : {1, 2, 3, 10, 99, 100, 1000, 3001, 20000}) {
      RandomStream random(3, "distribution", {kind, static_cast<std::int64_t>(size)});
      std::vector<double> values;
      for (std::size_t i = 0; i < size; ++i) {
        values.push_back(draw(random, kind));
      }
      const Distribution found = distribution_of(values);
      std::vector<double> sorted = values;
      std::sort(sorted.begin(), sorted.end());
      SCOPED_TRACE(testing::Message() << "kind " << kind << ", size " << size);
      EXPECT_EQ(found.count, static_cast<std::int64_t>(size));
      EXPECT_EQ(found.p50, percentile(sorted, 0.50));
      EXPECT_EQ(found.p90, percentile(sorted, 0.90));
      EXPECT_EQ(found.p95, percentile(sorted, 0.95));
      EXPECT_EQ(found.p99, percentile(sorted, 0.99));
      EXPECT_EQ(found.max, sorted.back());
      const double error = size < 100 ? 0.0 : error_of_p99(values);
      EXPECT_NEAR(found.p99_error, error, 1e-12 * error);
    }
  }
  EXPECT_EQ(distribution_of(std::vector<double>{}), Distribution{});
}

// Each gap counts as often as sequences saw it: the same as the list written out.
TEST(Distribution, GapsCountOncePerSequence) {
  RandomStream random(4, "gaps");
  GapLog gaps;
  std::vector<double> expanded;
  std::int64_t sum = 0;
  for (int i = 0; i < 30000; ++i) {
    const auto ps = static_cast<std::int64_t>(8e9 + 3e9 * random.uniform());
    const auto count = static_cast<std::int64_t>(1 + random.below(9));
    gaps.push_back(SimDuration(ps), count);
    expanded.insert(expanded.end(), static_cast<std::size_t>(count), in_seconds(SimDuration(ps)));
    sum += ps * count;  // at most 30000 x 11e9 x 9 ps
  }
  std::sort(expanded.begin(), expanded.end());
  const Distribution found = distribution_of(gaps);
  EXPECT_EQ(found.count, static_cast<std::int64_t>(expanded.size()));
  EXPECT_EQ(found.mean, static_cast<double>(sum) / 1e12 / static_cast<double>(expanded.size()));
  EXPECT_EQ(found.p50, percentile(expanded, 0.50));
  EXPECT_EQ(found.p99, percentile(expanded, 0.99));
  EXPECT_EQ(found.max, expanded.back());
}

// 48 bits of picoseconds are 281 s, 16 bits of count 65535 sequences: beyond, nothing is cut.
TEST(GapLog, KeepsWhatItsShortFormCannotHold) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> entries = {
      {5, 1}, {std::int64_t{1} << 48, 2}, {7, 65536}, {(std::int64_t{1} << 48) - 1, 65535}};
  GapLog gaps;
  EXPECT_TRUE(gaps.empty());
  for (const auto& [ps, count] : entries) {
    gaps.push_back(SimDuration(ps), count);
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  gaps.for_each([&](std::int64_t ps, std::int64_t count) { seen.emplace_back(ps, count); });
  std::sort(seen.begin(), seen.end());
  std::vector<std::pair<std::int64_t, std::int64_t>> sorted = entries;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(seen, sorted);
  EXPECT_FALSE(gaps.empty());
}

}  // namespace
}  // namespace moeplan::sim
