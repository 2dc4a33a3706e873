// Does a visit end when it knows enough, and say so when it does not?
#include "calibrate/measurement/measure_point.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "calibrate/measurement/device_error.hpp"
#include "tests/calibrate/measurement/fake_timer.hpp"

namespace moeplan::calibrate {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::FakeCase;
using tests::FakeClock;

PointOutcome measure(std::function<double(int)> duration, const StopRule& rule = device_rule()) {
  FakeClock clock;
  FakeCase timed(clock, std::move(duration));
  return measure_point(timed, rule, clock);
}

TEST(MeasurePoint, ASteadyCallTakesTheLeastSamples) {
  // 10 ms: 20 calls of warm-up are 0.2 s and two equal blocks; then 30 samples, interval of width
  // 0.
  const PointOutcome out = measure([](int) { return 0.010; });
  EXPECT_EQ(out.status, PointStatus::measured);
  EXPECT_EQ(out.warm_up_calls, 20);
  EXPECT_EQ(out.samples.size(), 30U);
  EXPECT_THAT(out.flags, IsEmpty());
  EXPECT_NEAR(out.spent_s, 0.5, 1e-9);
}

TEST(MeasurePoint, ShortCallsWarmUpForTheWholeTime) {
  // 1 ms: blocks agree after 20 calls, but 0.2 s need 200.
  EXPECT_EQ(measure([](int) { return 0.001; }).warm_up_calls, 200);
}

TEST(MeasurePoint, ASlowStartIsWarmUpAndNoSample) {
  // Falls by 5 % a call, in 32 calls from 50 ms to 10 ms: medians of blocks differ until then.
  const auto out = measure([](int i) { return std::max(0.010, 0.05 * std::pow(0.95, i)); });
  EXPECT_THAT(out.flags, IsEmpty());
  EXPECT_EQ(*std::max_element(out.samples.begin(), out.samples.end()), 0.010);
}

TEST(MeasurePoint, AStartThatNeverSettlesIsSaid) {
  // Grows by 1 % a call: blocks of ten differ by 10 %. 10 ms * sum 1.01^i = 2 s after 110 calls.
  const auto out = measure([](int i) { return 0.010 * std::pow(1.01, std::min(i, 200)); });
  EXPECT_THAT(out.flags, Contains("warm_up_unsettled"));
  // 1.01^n - 1 = 2 * 0.01 / 0.01 -> n = ln 3 / ln 1.01 = 110.4
  EXPECT_EQ(out.warm_up_calls, 111);
}

TEST(MeasurePoint, NoiseTakesMoreSamplesUntilTheIntervalIsNarrow) {
  // Uniform in 10 ms +- 10 %, low-discrepancy (golden ratio): ranks that are 1.96 sqrt n + 1 apart
  // span (1.96 sqrt n + 1) / n of a range of 20 %. Half of that is 1 % where n = 19.6 sqrt n + 10:
  // sqrt n = 20.1, n = 404; rounding the ranks outwards costs up to one rank more.
  const auto out =
      measure([](int i) { return 0.010 * (0.9 + 0.2 * std::fmod(0.61803398875 * i, 1.0)); });
  EXPECT_THAT(out.flags, testing::Not(Contains("unconverged")));
  EXPECT_NEAR(static_cast<double>(out.samples.size()), 415.0, 25.0);
}

TEST(MeasurePoint, TheNetworkRuleIsContentEarlier) {
  const auto noise = [](int i) { return 0.010 * (0.9 + 0.2 * std::fmod(0.61803398875 * i, 1.0)); };
  EXPECT_LT(measure(noise, network_rule()).samples.size(), measure(noise).samples.size());
}

TEST(MeasurePoint, TwoFarModesStopAtTheCapAndAreFlagged) {
  // 1 and 2 ms by turns: the interval of the median spans both for ever. 2000 samples are 3 s.
  const auto out = measure([](int i) { return i % 2 == 0 ? 0.001 : 0.002; });
  EXPECT_EQ(out.samples.size(), 2000U);
  EXPECT_THAT(out.flags, Contains("unconverged"));
}

TEST(MeasurePoint, LongCallsStopAtTheTime) {
  // 0.9 and 1.8 s by turns: 10 s are over after 8 samples (10.8 s).
  const auto out = measure([](int i) { return i % 2 == 0 ? 0.9 : 1.8; });
  EXPECT_EQ(out.samples.size(), 8U);
  EXPECT_THAT(out.flags, Contains("unconverged"));
  EXPECT_THAT(out.flags, Contains("warm_up_unsettled"));
}

TEST(MeasurePoint, WhatIsNoDurationFailsThePoint) {
  for (const double bad : {0.0, -1e-3, std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(), 1e300}) {
    const auto out = measure([&](int i) { return i == 25 ? bad : 0.010; });
    EXPECT_EQ(out.status, PointStatus::invalid_sample) << bad;
    EXPECT_THAT(out.reason, HasSubstr("call 26")) << bad;
    EXPECT_THAT(out.samples, IsEmpty()) << bad;
    EXPECT_EQ(measure([&](int i) { return i == 3 ? bad : 0.010; }).status,  // warming up
              PointStatus::invalid_sample);
  }
}

TEST(MeasurePoint, ThrottledSamplesAreTakenAgainAndCounted) {
  FakeClock clock;
  FakeCase timed(clock, [](int) { return 0.010; });
  timed.throttled_at = [](int i) { return i == 30 || i == 31; };  // after 20 calls of warm-up
  const auto out = measure_point(timed, device_rule(), clock);
  EXPECT_EQ(out.status, PointStatus::measured);
  EXPECT_EQ(out.samples.size(), 30U);
  EXPECT_EQ(out.discarded_throttle, 2);
  EXPECT_THAT(clock.slept, IsEmpty());  // two in a row are no reason to rest
}

TEST(MeasurePoint, ADeviceThatStaysThrottledIsGivenUp) {
  FakeClock clock;
  FakeCase timed(clock, [](int) { return 0.010; });
  timed.throttled_at = [](int) { return true; };
  const auto out = measure_point(timed, device_rule(), clock);
  EXPECT_EQ(out.status, PointStatus::throttled);
  EXPECT_EQ(out.discarded_throttle, 8);  // 2 in a row, 5 that end in a rest, the one too many
  EXPECT_THAT(clock.slept, ElementsAre(0.05, 0.1, 0.2, 0.4, 0.8));
}

TEST(MeasurePoint, ADeviceErrorFailsThePointWithItsText) {
  const auto out = measure([](int i) -> double {
    if (i == 40) {
      throw DeviceError("out of device memory");
    }
    return 0.010;
  });
  EXPECT_EQ(out.status, PointStatus::failed);
  EXPECT_EQ(out.reason, "out of device memory");
  EXPECT_THAT(out.samples, IsEmpty());
}

TEST(SteadyClock, GoesForward) {
  const Seconds begin = steady_clock().now();
  steady_clock().sleep(milliseconds(2.0));
  EXPECT_GE((steady_clock().now() - begin).value(), 0.002);
}

}  // namespace
}  // namespace moeplan::calibrate
