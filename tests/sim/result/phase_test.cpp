// Do the phases of a run add up, also when jitter stretched it?

#include "sim/result/phase.hpp"

#include <gtest/gtest.h>

namespace moeplan::sim {
namespace {

PhaseTimes times(std::int64_t host, std::int64_t attention, std::int64_t expert) {
  PhaseTimes result;
  result.set(Phase::host, SimDuration(host));
  result.set(Phase::attention, SimDuration(attention));
  result.set(Phase::expert, SimDuration(expert));
  return result;
}

TEST(PhaseTimes, StretchingKeepsTheSumAndTheShares) {
  // 10 + 20 + 70 to 333: running sums 10, 30, 100 become 33.3, 99.9, 333, rounded down 33, 99, 333.
  PhaseTimes stretched = times(10, 20, 70);
  stretched.scale_to(SimDuration(333));
  EXPECT_EQ(stretched, times(33, 66, 234));
  EXPECT_EQ(stretched.total(), SimDuration(333));
  // Products beyond 64 bits: 46 days stretched to 49.
  const std::int64_t quarter = 2'000'000'000'000'000'000;
  PhaseTimes large = times(quarter, quarter, 0);
  large.scale_to(SimDuration(4'200'000'000'000'000'000));
  EXPECT_EQ(large, times(2'100'000'000'000'000'000, 2'100'000'000'000'000'000, 0));
  PhaseTimes nothing;
  nothing.scale_to(SimDuration(5));
  EXPECT_EQ(nothing, PhaseTimes{});
}

TEST(PhaseTimes, ManyStepsOfOneShapeAreAProduct) {
  PhaseTimes sum;
  for (int i = 0; i < 7; ++i) {
    sum += times(1, 2, 3);
  }
  PhaseTimes product = times(1, 2, 3);
  product *= 7;
  EXPECT_EQ(product, sum);
  sum -= times(7, 14, 21);
  EXPECT_EQ(sum, PhaseTimes{});
  EXPECT_EQ(times(3, 9, 9).largest(), Phase::attention) << "the first of equal ones";
}

}  // namespace
}  // namespace moeplan::sim
