// Is a drift found where there is one, and only there?
#include "calibrate/all2all/rank_clock.hpp"

#include <gtest/gtest.h>

namespace moeplan::calibrate {
namespace {

TEST(RankClock, DriftIsTheSlopeOfTheOffsets) {
  // 10 us in 10 s, with 2 us round trips: 1e-6 s/s.
  std::vector<ClockOffset> offsets;
  for (int i = 0; i <= 10; ++i) {
    offsets.push_back({.at = 100.0 + i, .offset = 5.0 + 1e-6 * i, .round_trip = 2e-6});
  }
  EXPECT_NEAR(clock_drift(offsets), 1e-6, 1e-12);
}

TEST(RankClock, OffsetsWithinTheirUncertaintyAreNoDrift) {
  // 0.5 us in 10 s, known to 1 us (half the round trip).
  EXPECT_EQ(clock_drift({{100.0, 5.0, 2e-6}, {110.0, 5.0 + 0.5e-6, 2e-6}}), 0.0);
}

TEST(RankClock, LessThanASecondSaysNothing) {
  EXPECT_EQ(clock_drift({{100.0, 5.0, 2e-6}, {100.5, 5.1, 2e-6}}), 0.0);
  EXPECT_EQ(clock_drift({}), 0.0);
}

}  // namespace
}  // namespace moeplan::calibrate
