// Are percentiles of draws, and what is said of their error, right?

#include "sim/uncertainty/interval.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "sim/engine/random_stream.hpp"

namespace moeplan::sim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Interval, TakesOrderStatisticsByRank) {
  // 99 draws 1..99: rank 0.05 x 100 = 5, 50 and 95, in any order.
  std::vector<double> draws;
  for (int i = 0; i < 99; ++i) {
    draws.push_back((i * 37) % 99 + 1);  // 37 and 99 share no factor
  }
  const Interval interval = interval_of(draws);
  EXPECT_DOUBLE_EQ(interval.low(), 5.0);
  EXPECT_DOUBLE_EQ(interval.median(), 50.0);
  EXPECT_DOUBLE_EQ(interval.high(), 95.0);
  // One binomial standard deviation is sqrt(0.25 / 99) = 0.05025 about the median: ranks 5.025
  // either way, values one per rank.
  EXPECT_NEAR(interval.errors[1], 100.0 * std::sqrt(0.25 / 99.0), 1e-9);
}

TEST(Interval, OverloadIsLargerThanAnything) {
  std::vector<double> draws(100, 1.0);
  for (int i = 0; i < 4; ++i) {
    draws[static_cast<std::size_t>(25 * i)] = kInfinity;
  }
  EXPECT_DOUBLE_EQ(interval_of(draws).high(), 1.0) << "4 % are above";
  draws[1] = draws[2] = kInfinity;
  EXPECT_EQ(interval_of(draws).high(), kInfinity);
  EXPECT_EQ(interval_of(draws).errors[2], kInfinity) << "a rank below it is finite";
  EXPECT_DOUBLE_EQ(interval_of(draws).median(), 1.0);
  EXPECT_DOUBLE_EQ(interval_of(std::vector<double>(30, kInfinity)).errors[0], 0.0);
}

TEST(Interval, HalfTheDrawsAreTheFirstOnes) {
  std::vector<double> draws(200, 2.0);
  std::fill(draws.begin(), draws.begin() + 100, 1.0);
  const Interval interval = interval_of(draws);
  EXPECT_DOUBLE_EQ(interval.high(), 2.0);
  EXPECT_DOUBLE_EQ(interval.half_changes[0], 0.0);
  EXPECT_DOUBLE_EQ(interval.half_changes[2], 1.0);
}

// Over 400 sets of 64 normal draws: another draw lies inside 90 % of the time (sd of the mean of
// the coverages, each of sd about sqrt(2 x 0.05 x 0.95 / 66) = 0.038: 0.0019), and the stated
// errors are the spread of the percentiles from set to set, the median's 1.253 / 8 = 0.157.
TEST(Interval, CoversAsMuchAsItSaysAndKnowsItsError) {
  constexpr int kSets = 400;
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  double covered = 0.0;
  double stated = 0.0;
  double square = 0.0;
  for (int set = 0; set < kSets; ++set) {
    RandomStream stream(7, "interval test", {set});
    std::vector<double> draws;
    for (int i = 0; i < 64; ++i) {
      draws.push_back(stream.normal());
    }
    const Interval interval = interval_of(draws);
    covered += (below(interval.high()) - below(interval.low())) / kSets;
    stated += interval.errors[1] / kSets;
    square += interval.median() * interval.median() / kSets;
  }
  EXPECT_NEAR(covered, 0.90, 0.01);
  EXPECT_NEAR(std::sqrt(square), 0.157, 0.02);
  EXPECT_NEAR(stated, std::sqrt(square), 0.02);
}

}  // namespace
}  // namespace moeplan::sim
