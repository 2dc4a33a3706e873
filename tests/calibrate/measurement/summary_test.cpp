// Are the kept figures those of the samples?
#include "calibrate/measurement/summary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace moeplan::calibrate {
namespace {

// 1, 2, ..., n
std::vector<double> counting(int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

TEST(MedianInterval, RanksAreThoseOfTheFormula) {
  // n = 30: 1.96 sqrt 30 = 10.735; floor(19.265 / 2) = 9, ceil(1 + 40.735 / 2) = 22.
  const auto interval = median_interval(counting(30));
  ASSERT_TRUE(interval);
  EXPECT_EQ(interval->low, 9.0);
  EXPECT_EQ(interval->high, 22.0);
  EXPECT_EQ(interval->median, 15.5);
  EXPECT_DOUBLE_EQ(interval->half_width(), 6.5 / 15.5);
  // n = 100: 19.6; floor(80.4 / 2) = 40, ceil(1 + 119.6 / 2) = 61.
  EXPECT_EQ(median_interval(counting(100))->low, 40.0);
  EXPECT_EQ(median_interval(counting(100))->high, 61.0);
}

TEST(MedianInterval, FewSamplesHaveNone) {
  // n = 5: 1.96 sqrt 5 = 4.38; floor(0.31) = 0 is no rank. n = 6: 4.80; floor(0.6) = 0.
  // n = 7: 5.19; floor(0.91) = 0. n = 8: 5.54; floor(1.23) = 1, ceil(1 + 6.77) = 8.
  EXPECT_FALSE(median_interval(counting(5)));
  EXPECT_FALSE(median_interval(counting(7)));
  ASSERT_TRUE(median_interval(counting(8)));
  EXPECT_EQ(median_interval(counting(8))->low, 1.0);
  EXPECT_EQ(median_interval(counting(8))->high, 8.0);
}

TEST(Summary, QuantilesLieBetweenOrderStatistics) {
  // 101 values 1..101: the q-quantile is 1 + 100 q.
  const Summary s = summarize(counting(101));
  EXPECT_DOUBLE_EQ(s.p1, 2.0);
  EXPECT_DOUBLE_EQ(s.p50, 51.0);
  EXPECT_DOUBLE_EQ(s.p99, 100.0);
  EXPECT_EQ(s.min, 1.0);
  EXPECT_EQ(s.max, 101.0);
  EXPECT_DOUBLE_EQ(s.mean, 51.0);
}

TEST(Summary, LogSpreadIsThatOfRatios) {
  // ln 1, ln e, ln e^2: standard deviation 1 (n - 1 = 2 in the denominator).
  EXPECT_NEAR(summarize({1.0, std::exp(1.0), std::exp(2.0)}).log_sd, 1.0, 1e-12);
  EXPECT_EQ(summarize({3.0}).log_sd, 0.0);
}

TEST(Modes, TwoPopulationsAreFoundWithTheirWeights) {
  // 30 around 1.0 and 10 around 2.0, steps of 0.001: the gap is hundreds of steps wide.
  std::vector<double> samples;
  for (int i = 0; i < 40; ++i) {
    samples.push_back((i < 30 ? 1.0 : 2.0) + 0.001 * (i % 30));
  }
  const auto modes = find_modes(samples);
  ASSERT_TRUE(modes);
  EXPECT_DOUBLE_EQ(modes->low_fraction, 0.75);
  EXPECT_NEAR(modes->low, 1.0145, 1e-9);   // 15th and 16th of 1.000 .. 1.029
  EXPECT_NEAR(modes->high, 2.0045, 1e-9);  // 5th and 6th of 2.000 .. 2.009
}

TEST(Modes, OneSlowSampleIsNoMode) {
  std::vector<double> samples;
  for (int i = 0; i < 40; ++i) {
    samples.push_back(i < 39 ? 1.0 + 0.001 * i : 5.0);  // 2.5 % of the mass
  }
  EXPECT_FALSE(find_modes(samples));
}

TEST(Modes, EvenSamplesHaveOneMode) {
  EXPECT_FALSE(find_modes(counting(40)));  // the gaps only narrow
}

TEST(Modes, TicksOfTheTimerAreNoModes) {
  // Two neighbouring ticks, 1 % apart: the median gap is 0, but so small a step matters to nobody.
  std::vector<double> samples(20, 1.00);
  samples.insert(samples.end(), 20, 1.01);
  EXPECT_FALSE(find_modes(samples));
}

TEST(Summary, WhatIsNoDurationIsABug) {
  EXPECT_THROW(summarize({}), std::logic_error);
  EXPECT_THROW(summarize({1.0, 0.0}), std::logic_error);
  EXPECT_THROW(summarize({1.0, INFINITY}), std::logic_error);
}

}  // namespace
}  // namespace moeplan::calibrate
