#include "calibrate/import/table_routing.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace moeplan {
namespace {

using calibrate::balanced_load;
using calibrate::power_law_load;

TEST(BalancedLoad, ManyTokensFillAllExpertsEvenly) {
  const auto load = balanced_load(1024, 128, 8, 4);
  EXPECT_DOUBLE_EQ(load.pairs, 1024.0 * 8 / 4);
  EXPECT_DOUBLE_EQ(load.active_experts, 32.0);
}

TEST(BalancedLoad, OneTokenTakesEveryStrideTh) {
  // 8 of 128: experts 0, 16, 32, ..., 112. Of 64 ranks with two experts, rank 0 holds 0 and 1.
  EXPECT_DOUBLE_EQ(balanced_load(1, 128, 8, 64).pairs, 1.0);
  EXPECT_DOUBLE_EQ(balanced_load(1, 128, 8, 64).active_experts, 1.0);
  EXPECT_DOUBLE_EQ(balanced_load(1, 128, 8, 1).active_experts, 8.0);
  // Two tokens: offsets 0 and 8; rank 0 of 8 holds 0 .. 15.
  EXPECT_DOUBLE_EQ(balanced_load(2, 128, 8, 8).active_experts, 2.0);
}

TEST(BalancedLoad, AllRanksTogetherGetEveryPair) {
  // On one rank the load is the whole layer's: T k pairs, min(E, T k) experts for powers of two.
  for (const std::int64_t tokens : {1, 3, 7, 16, 48, 80, 333}) {
    EXPECT_DOUBLE_EQ(balanced_load(tokens, 64, 4, 1).pairs, 4.0 * static_cast<double>(tokens));
    EXPECT_LE(balanced_load(tokens, 64, 4, 1).active_experts, 64.0);
  }
}

TEST(PowerLawLoad, TheBusiestRankHasAtLeastItsShare) {
  for (const std::int64_t ranks : {1, 2, 8, 32}) {
    for (const std::int64_t tokens : {1, 16, 256, 4096}) {
      const auto load = power_law_load(tokens, 128, 8, ranks, 1.2);
      const double pairs = 8.0 * static_cast<double>(tokens);
      EXPECT_GE(load.pairs, pairs / static_cast<double>(ranks) - 1e-9);
      EXPECT_LE(load.pairs, pairs + 1e-9);
      EXPECT_LE(load.active_experts, std::min(pairs, 128.0 / static_cast<double>(ranks)) + 1e-9);
      EXPECT_GT(load.active_experts, 0.0);
    }
  }
  EXPECT_NEAR(power_law_load(4096, 128, 8, 1, 1.2).pairs, 4096.0 * 8, 1e-6);
}

TEST(PowerLawLoad, ATokenUsesAnExpertOnce) {
  // Two of eight experts; even the busiest rank of eight (one expert) has at most T pairs.
  EXPECT_LE(power_law_load(1000, 8, 2, 8, 1.01).pairs, 1000.0);
}

TEST(PowerLawLoad, IsTheSameEveryTime) {
  EXPECT_EQ(power_law_load(777, 128, 8, 8, 1.01).pairs, power_law_load(777, 128, 8, 8, 1.01).pairs);
}

TEST(PowerLawExponent, ReadsTheName) {
  EXPECT_EQ(calibrate::power_law_exponent("power_law_1.2"), 1.2);
  EXPECT_FALSE(calibrate::power_law_exponent("power_law_"));
  EXPECT_FALSE(calibrate::power_law_exponent("power_law_-1"));
  EXPECT_FALSE(calibrate::power_law_exponent("balanced"));
}

}  // namespace
}  // namespace moeplan
