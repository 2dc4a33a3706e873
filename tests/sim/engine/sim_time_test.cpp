#include "sim/engine/sim_time.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "sim/engine/random_stream.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST(SimTime, CountsPicoseconds) {
  // 7 us = 7e-6 s = 7e6 ps; 1 h = 3600e12 ps.
  EXPECT_EQ(duration_from(microseconds(7)).picoseconds(), 7'000'000);
  EXPECT_EQ((SimTime{} + hours(1)).picoseconds(), 3'600'000'000'000'000);
  EXPECT_EQ((SimTime(5) + SimDuration(3)) - SimTime(2), SimDuration(6));
  EXPECT_EQ(SimTime(5) - SimDuration(8), SimTime(-3));
  EXPECT_EQ(3 * SimDuration(-4), SimDuration(-12));
  EXPECT_DOUBLE_EQ(in_seconds(SimTime(1'500'000'000'000)), 1.5);
  EXPECT_DOUBLE_EQ(in_seconds(to_seconds(SimDuration(250))), 250e-12);
}

TEST(SimTime, RoundsToTheNearestPicosecondHalvesAwayFromZero) {
  EXPECT_EQ(duration_from(seconds(0.4e-12)).picoseconds(), 0);
  EXPECT_EQ(duration_from(seconds(0.5e-12)).picoseconds(), 1);
  EXPECT_EQ(duration_from(seconds(1.6e-12)).picoseconds(), 2);
  EXPECT_EQ(duration_from(seconds(-0.5e-12)).picoseconds(), -1);
  EXPECT_EQ(duration_from(seconds(0.0)).picoseconds(), 0);
  // Adding three times 0.4 ps to an instant rounds three times: the instant never moves.
  SimTime t(10);
  for (int i = 0; i < 3; ++i) {
    t += seconds(0.4e-12);
  }
  EXPECT_EQ(t, SimTime(10));
}

// House rule 3.2: with double seconds a third of such triples differ; integers never do.
TEST(SimTime, RandomTriplesAreAssociative) {
  RandomStream random(1, "triples");
  int unequal_as_doubles = 0;
  for (int i = 0; i < 100'000; ++i) {
    const Seconds first = microseconds(10.0 + 990.0 * random.uniform());
    const Seconds second = microseconds(10.0 + 990.0 * random.uniform());
    const SimTime start = SimTime{} + seconds(10.0);
    const SimDuration a = duration_from(first);
    const SimDuration b = duration_from(second);
    ASSERT_EQ((start + a) + b, start + (a + b));
    ASSERT_EQ((start + first) + second, start + (a + b));
    ASSERT_EQ((start + b) + a, (start + a) + b);
    ASSERT_EQ(((start + a) + b) - b, start + a);
    unequal_as_doubles += (seconds(10.0) + first) + second != seconds(10.0) + (first + second);
  }
  EXPECT_GT(unequal_as_doubles, 10'000);
}

TEST(SimTime, RefusesWhatDoesNotFit) {
  EXPECT_THROW(duration_from(seconds(std::nan(""))), std::logic_error);
  EXPECT_THROW(duration_from(seconds(INFINITY)), std::logic_error);
  EXPECT_THROW(duration_from(seconds(-INFINITY)), std::logic_error);
  // 2^63 ps = 9223372.04 s = 106.75 days.
  EXPECT_NO_THROW(duration_from(seconds(9'223'372.0)));
  EXPECT_THROW(duration_from(seconds(9'223'373.0)), std::logic_error);
  EXPECT_NO_THROW(SimTime(kMost - 1) + SimDuration(1));
  EXPECT_THROW(SimTime(kMost) + SimDuration(1), std::logic_error);
  EXPECT_THROW(SimTime(-kMost) - SimDuration(2), std::logic_error);
  EXPECT_THROW(SimTime(kMost) - SimTime(-1), std::logic_error);
  EXPECT_THROW(SimDuration(kMost / 2) * 3, std::logic_error);
  EXPECT_THROW(SimTime(kMost) + seconds(1.0), std::logic_error);
}

}  // namespace
}  // namespace moeplan::sim
