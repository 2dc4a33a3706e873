// Do the open arrival processes have the rates and the scatter that their parameters say, and do
// they draw the same gaps at every rate?

#include "sim/workload/arrival_times.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sim/workload/request_source.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kCount = 50'000;

std::vector<double> arrivals_s(const ShapedArrivals& process, std::int64_t count = kCount,
                               std::uint64_t seed = 3) {
  ArrivalTimes times(process, count, seed);
  std::vector<double> all;
  for (std::int64_t i = 0; i < count; ++i) {
    all.push_back(in_seconds(times.next()));
  }
  return all;
}

struct Gaps {
  double mean = 0.0;
  double cv = 0.0;
};
Gaps gaps_of(const std::vector<double>& times) {
  Gaps gaps;
  const auto n = static_cast<double>(times.size());
  gaps.mean = times.back() / n;
  double squares = 0.0;
  double before = 0.0;
  for (const double t : times) {
    squares += (t - before - gaps.mean) * (t - before - gaps.mean);
    before = t;
  }
  gaps.cv = std::sqrt(squares / n) / gaps.mean;
  return gaps;
}

// Gamma of shape k: variance mean^2 / k. The mean of n gaps is off by 1 / sqrt(k n); the cv, by the
// delta method with the fourth moment 3 + 6 / k and the skewness 2 / sqrt(k), by
// sqrt((2 + 6/k) / 4 + 1/k - 2/k) / sqrt(k n) = sqrt((1 + 1/k) / 2) / sqrt(k n).
TEST(ArrivalTimes, GammaHasItsMeanAndItsSpread) {
  for (const double shape : {0.25, 0.5, 2.0, 16.0}) {
    const Gaps gaps = gaps_of(arrivals_s({.rate = PerSecond(40.0), .burstiness = shape}));
    const double scale = 1.0 / std::sqrt(shape * static_cast<double>(kCount));
    EXPECT_NEAR(gaps.mean * 40.0, 1.0, 3.0 * scale) << shape;
    EXPECT_NEAR(gaps.cv, 1.0 / std::sqrt(shape), 3.0 * std::sqrt(0.5 + 0.5 / shape) * scale)
        << shape;
  }
}

TEST(ArrivalTimes, BurstinessOneIsPoisson) {
  RequestSource poisson({.arrivals = PoissonArrivals{PerSecond(7.0)},
                         .prompt = FixedLength{1},
                         .output = FixedLength{1},
                         .request_count = 100},
                        3);
  ArrivalTimes shaped({.rate = PerSecond(7.0), .burstiness = 1.0}, 100, 3);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(poisson.next()->arrival, shaped.next());
  }
}

// Whatever the process, twice the rate is the same gaps in half the time: exactly for what has no
// times of its own, a day that is as long as the run included.
TEST(ArrivalTimes, HigherRatesDrawTheSameGaps) {
  std::vector<double> weights(24, 1.0);
  weights[20] = 5.0;
  const ShapedArrivals cases[] = {
      {.burstiness = 0.4},
      {.ramp = RampUp{.exponential = true, .start = 0.1}},
      {.ramp = RampUp{.exponential = false, .start = 0.1}},
      {.burstiness = 2.0, .day = DayProfile{.weights = weights}},
  };
  for (ShapedArrivals process : cases) {
    process.rate = PerSecond(3.0);
    const std::vector<double> slow = arrivals_s(process, 2000);
    process.rate = PerSecond(6.0);
    const std::vector<double> fast = arrivals_s(process, 2000);
    for (std::size_t i = 0; i < slow.size(); ++i) {
      ASSERT_NEAR(2.0 * fast[i], slow[i], 1e-8) << i;
    }
  }
}

// Hours of weight 0 have no arrivals; the others share them in proportion: hour h of a day of
// 24 h expects n w_h / sum(w), and a Poisson count scatters by its root.
TEST(ArrivalTimes, ADayHasItsHours) {
  std::vector<double> weights(24, 0.0);
  weights[8] = 1.0;
  weights[9] = 3.0;
  weights[20] = 2.0;
  const ShapedArrivals process{.rate = PerSecond(1000.0 / 86400.0),
                               .day = DayProfile{.weights = weights, .length = Seconds(86400.0)}};
  std::vector<int> counts(24, 0);
  for (const double t : arrivals_s(process, 20'000)) {  // about 20 days
    ++counts[static_cast<std::size_t>(t / 3600.0) % 24];
  }
  for (std::size_t h = 0; h < 24; ++h) {
    const double expected = 20'000.0 * weights[h] / 6.0;
    EXPECT_NEAR(counts[h], expected, 4.0 * std::sqrt(expected)) << h;
  }
}

TEST(ArrivalTimes, ADayWithoutLengthIsOneRun) {
  std::vector<double> weights(24, 0.0);
  weights[0] = weights[23] = 1.0;
  for (const std::int64_t count : {1000, 4000}) {
    const std::vector<double> times =
        arrivals_s({.rate = PerSecond(10.0), .day = DayProfile{.weights = weights}}, count);
    const double day = static_cast<double>(count) / 10.0;
    const auto before = [&](double t) {
      return static_cast<double>(std::lower_bound(times.begin(), times.end(), t) - times.begin());
    };
    const double half = 0.5 * static_cast<double>(count);
    EXPECT_NEAR(before(day / 24.0), half, 4.0 * std::sqrt(half));
    EXPECT_EQ(before(day / 24.0), before(day * 23.0 / 24.0));
  }
}

// A constant day is no day: the same process up to rounding.
TEST(ArrivalTimes, AConstantDayChangesNothing) {
  const std::vector<double> plain = arrivals_s({.rate = PerSecond(5.0)}, 5000);
  const std::vector<double> daily = arrivals_s(
      {.rate = PerSecond(5.0), .day = DayProfile{.weights = std::vector<double>(24, 2.5)}}, 5000);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    ASSERT_NEAR(plain[i], daily[i], 1e-8) << i;
  }
}

// On 1 s, off 3 s, factor 9: base rate b with b (9 x 1 + 3) / 4 = 1, so bursts (a quarter of the
// time) hold 9 / 12 of the arrivals. Over 50000 s of about 12500 cycles the number of arrivals
// scatters by bursts: Var(time on) = 2 on^2 off^2 / (on + off)^3 per second = 0.28, times (rate on
// - rate off)^2 = (8/3)^2, plus the Poisson 1: 3 per second; 50000 arrivals +- 3 sqrt(150000) =
// 1162.
TEST(ArrivalTimes, BurstsKeepTheMeanRateAndClump) {
  const ShapedArrivals process{
      .rate = PerSecond(1.0),
      .bursts = Bursts{.factor = 9.0, .on = Seconds(1.0), .off = Seconds(3.0)}};
  const std::vector<double> times = arrivals_s(process);
  EXPECT_NEAR(times.back(), 50'000.0, 1200.0);
  // Counts in windows of T = 0.1 s, mean m = 0.1. The rate has the variance 0.25 x 3^2 + 0.75 / 9 -
  // 1 = 1.333, correlated over 1 / (1/on + 1/off): Var of its integral 1.333 T^2 (1 - 1.333 T / 3)
  // = 0.01274; over the Poisson variance m, the index of dispersion is 1 + 0.127.
  std::vector<double> counts(500'000, 0.0);
  for (const double t : times) {
    counts[std::min<std::size_t>(static_cast<std::size_t>(t * 10.0), counts.size() - 1)] += 1.0;
  }
  double mean = 0.0;
  double squares = 0.0;
  for (const double c : counts) {
    mean += c / 500'000.0;
    squares += c * c / 500'000.0;
  }
  EXPECT_NEAR((squares - mean * mean) / mean, 1.127, 0.02);
  const Gaps gaps = gaps_of(times);
  EXPECT_GT(gaps.cv, 1.2);
}

// Phases keep their lengths when the rate changes, so the same seconds are busy at every rate.
TEST(ArrivalTimes, BurstsHappenAtTheSameTimesAtEveryRate) {
  const Bursts bursts{.factor = 1e6, .on = Seconds(2.0), .off = Seconds(30.0)};
  const auto busy = [&](double rate) {
    std::vector<bool> seconds(2000, false);
    for (const double t : arrivals_s({.rate = PerSecond(rate), .bursts = bursts}, 20'000)) {
      if (t < 2000.0) {
        seconds[static_cast<std::size_t>(t)] = true;
      }
    }
    return seconds;
  };
  const std::vector<bool> slow = busy(10.0);
  const std::vector<bool> fast = busy(20.0);
  int agree = 0;
  for (std::size_t i = 0; i < 500; ++i) {  // both runs reach 500 s
    agree += slow[i] == fast[i];
  }
  EXPECT_GE(agree, 490) << "of 500 seconds";
}

// vLLM's rule: request i of n at the rate r (s + (1 - s) i / (n - 1)); in the mean, the time of a
// linear ramp from 0.1 to 1 is n / r ln(10) / 0.9, of an exponential one n / r 9 / ln(10).
TEST(ArrivalTimes, RampsTakeTheirTime) {
  const auto last = [](bool exponential) {
    return arrivals_s({.rate = PerSecond(10.0), .ramp = RampUp{exponential, 0.1}}).back();
  };
  const double n_over_r = static_cast<double>(kCount) / 10.0;
  EXPECT_NEAR(last(false) / (n_over_r * std::log(10.0) / 0.9), 1.0, 0.02);
  EXPECT_NEAR(last(true) / (n_over_r * 9.0 / std::log(10.0)), 1.0, 0.02);
}

TEST(ArrivalTimes, RefusesWhatMakesNoSense) {
  const auto make = [](const ShapedArrivals& process) { return ArrivalTimes(process, 10, 1); };
  EXPECT_THROW(make({.rate = PerSecond(0.0)}), std::logic_error);
  EXPECT_THROW(make({.rate = PerSecond(1.0), .burstiness = 0.0}), std::logic_error);
  EXPECT_THROW(make({.rate = PerSecond(1.0), .day = DayProfile{.weights = {1.0, 2.0}}}),
               std::logic_error);
  EXPECT_THROW(
      make({.rate = PerSecond(1.0), .day = DayProfile{.weights = std::vector<double>(24, 0.0)}}),
      std::logic_error);
  EXPECT_THROW(make({.rate = PerSecond(1.0), .ramp = RampUp{.start = 0.0}}), std::logic_error);
  EXPECT_THROW(make({.rate = PerSecond(1.0),
                     .bursts = Bursts{.factor = 0.5, .on = Seconds(1), .off = Seconds(1)}}),
               std::logic_error);
}

}  // namespace
}  // namespace moeplan::sim
