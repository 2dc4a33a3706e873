// Is the figure of a point that of its launches, with both spreads?
#include "calibrate/measurement/combined_point.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace moeplan::calibrate {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

PointRecord record(int launch, int visit, std::vector<double> samples) {
  PointRecord out{"a", launch, visit, {}};
  out.outcome.samples = std::move(samples);
  return out;
}

CombinedPoint combined(std::vector<PointRecord> records) {
  JournalContents contents;
  contents.header.plan = {"a", "never visited"};
  contents.records = std::move(records);
  const std::vector<CombinedPoint> points = combine(contents);
  EXPECT_EQ(points.size(), 1U);
  return points.front();
}

TEST(Combine, TheFigureIsTheMedianOfTheLaunches) {
  // Launch medians 1.0 (of both visits' samples), 1.1, 1.2; the launch with most samples weighs no
  // more than the others.
  const auto point = combined({record(0, 0, {1.0, 1.0, 1.0}), record(0, 1, {1.0, 1.0, 1.0}),
                               record(1, 0, {1.1, 1.1}), record(2, 0, {1.2, 1.2})});
  EXPECT_DOUBLE_EQ(point.median_s, 1.1);
  EXPECT_EQ(point.launches, 3);
  EXPECT_EQ(point.summary.n, 10);
  EXPECT_EQ(point.sd_within_log, 0.0);
  // ln 1, ln 1.1, ln 1.2 = 0, 0.09531, 0.18232: mean 0.09254, squares 0.008564 + 0.0000077 +
  // 0.008060 = 0.016632, / 2, root.
  EXPECT_NEAR(point.sd_between_log, 0.09119, 1e-5);
  EXPECT_THAT(point.flags, IsEmpty());
}

TEST(Combine, LaunchesThatDisagreeAreMultimodal) {
  EXPECT_THAT(combined({record(0, 0, {1.0}), record(1, 0, {1.31})}).flags, Contains("multimodal"));
  EXPECT_THAT(combined({record(0, 0, {1.0}), record(1, 0, {1.29})}).flags, IsEmpty());
}

TEST(Combine, AVisitThatFailedIsNotForgotten) {
  PointRecord failed = record(1, 0, {});
  failed.outcome.status = PointStatus::throttled;
  failed.outcome.reason = "hot";
  const auto point = combined({record(0, 0, {1.0}), failed});
  EXPECT_EQ(point.status, PointStatus::throttled);
  EXPECT_EQ(point.reason, "hot");
  EXPECT_EQ(point.launches, 1);
}

TEST(Combine, FlagsOfAllVisitsAreThere) {
  PointRecord flagged = record(0, 1, {1.0});
  flagged.outcome.flags = {"unconverged"};
  const auto point = combined({record(0, 0, {1.0}), flagged});
  EXPECT_THAT(point.flags, Contains("unconverged"));
  EXPECT_THAT(to_json(point).line(), HasSubstr("\"median_s\": 1.0"));
}

}  // namespace
}  // namespace moeplan::calibrate
