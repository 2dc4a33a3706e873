// Are the figures of a trace those that a person gets by hand?

#include "sim/workload/describe_trace.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace moeplan::sim {
namespace {

RequestTrace trace_of(const std::vector<double>& seconds) {
  RequestTrace trace;
  std::int32_t i = 0;
  for (const double t : seconds) {
    ++i;
    trace.requests.push_back({SimTime{} + Seconds(t), 10 * i, 100 - i});
  }
  return trace;
}

// Gaps 1, 1, 4: mean 2, squared deviations 1 + 1 + 4 = 6, variance 2, cv sqrt(2) / 2, shape 2.
TEST(DescribeTrace, GapsByHand) {
  const TraceDescription d = describe(trace_of({0, 1, 2, 6}));
  EXPECT_DOUBLE_EQ(*d.rate_per_s, 0.5);
  EXPECT_DOUBLE_EQ(*d.gap_mean_s, 2.0);
  EXPECT_DOUBLE_EQ(*d.gap_cv, std::sqrt(2.0) / 2.0);
  EXPECT_DOUBLE_EQ(*d.burstiness, 2.0);
  EXPECT_DOUBLE_EQ(*d.correlation, -1.0) << "prompts rise by 10 where outputs fall by 1";
  EXPECT_EQ(d.prompt.p50, 25.0);
  EXPECT_EQ(d.output.min, 96);
  EXPECT_FALSE(d.peak_minute_per_s.has_value());
}

TEST(DescribeTrace, EvenGapsHaveNoGammaShape) {
  const TraceDescription d = describe(trace_of({0, 1, 2}));
  EXPECT_EQ(*d.gap_cv, 0.0);
  EXPECT_FALSE(d.burstiness.has_value());
}

// Windows are half open: [50, 110) holds 50, 60 and 109; [60, 120) holds two, 120 is out.
TEST(DescribeTrace, PeakMinuteSlides) {
  const TraceDescription d = describe(trace_of({0, 50, 60, 109, 120, 7200}));
  EXPECT_DOUBLE_EQ(*d.peak_minute_per_s, 3.0 / 60.0);
  EXPECT_DOUBLE_EQ(*d.peak_hour_per_s, 5.0 / 3600.0);
}

// Blocks 1 2 | 1 3 | 1 2: the second 1, the third 1 and the second 2 were seen before.
TEST(DescribeTrace, ReusedBlocks) {
  RequestTrace trace = trace_of({0, 1, 2});
  trace.block_hashes = {1, 2, 1, 3, 1, 2};
  trace.block_end = {2, 4, 6};
  const TraceDescription d = describe(trace);
  EXPECT_EQ(d.blocks, 6);
  EXPECT_DOUBLE_EQ(d.reused_block_fraction, 0.5);
}

TEST(DescribeTrace, LengthsAloneHaveNoRates) {
  RequestTrace trace = trace_of({0, 0, 0});
  trace.has_times = false;
  const TraceDescription d = describe(trace);
  EXPECT_FALSE(d.rate_per_s.has_value());
  EXPECT_FALSE(d.gap_cv.has_value());
  EXPECT_TRUE(d.prompt.log_normal.has_value());
}

}  // namespace
}  // namespace moeplan::sim
