// What falls on one rank, and how many ranks a token touches.
#include <gtest/gtest.h>

#include <set>

#include "tests/models/routing/draws_by_hand.hpp"

namespace moeplan::models {
namespace {

TEST(Placement, IsContiguousAndComplete) {
  // 10 experts on 4 ranks: 3, 3, 2, 2.
  std::vector<std::int64_t> sizes;
  std::int64_t next = 0;
  for (int rank = 0; rank < 4; ++rank) {
    const ExpertRange range = experts_of_rank(10, 4, rank);
    EXPECT_EQ(range.begin, next);
    next = range.end;
    sizes.push_back(range.end - range.begin);
  }
  EXPECT_EQ(next, 10);
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{3, 3, 2, 2}));
  EXPECT_THROW(experts_of_rank(4, 5, 0), std::logic_error);
  EXPECT_THROW(experts_of_rank(4, 2, 2), std::logic_error);
}

TEST(RankLoad, AddsUpToAllPairsAndAllActive) {
  for (const double alpha : {0.0, 1.2}) {
    const Routing routing = Routing::power_law(60, 4, alpha);
    double pairs = 0.0;
    double active = 0.0;
    for (int rank = 0; rank < 8; ++rank) {
      const RankLoad load = routing.rank_load(100.0, 8, rank);
      pairs += load.pairs;
      active += load.active_experts;
    }
    EXPECT_NEAR(pairs, 400.0, 1e-7);
    EXPECT_NEAR(active, routing.expected_active(100.0), 1e-9);
  }
}

TEST(RankLoad, UniformIsTokensTimesTopKOverRanks) {
  const RankLoad load = Routing::uniform(128, 8).rank_load(64.0, 8, 3);
  EXPECT_NEAR(load.pairs, 64.0 * 8.0 / 8.0, 1e-12);
  EXPECT_NEAR(load.active_experts, 16.0 * (1.0 - std::pow(120.0 / 128.0, 64)), 1e-9);
}

TEST(DistinctRanks, UniformMatchesEveryDrawWrittenOut) {
  // 6 experts, top 3, 3 ranks of 2: a rank is missed by the C(4,3) = 4 of C(6,3) = 20 sets that
  // avoid both its experts: 3 (1 - 4/20) = 2.4.
  EXPECT_NEAR(Routing::uniform(6, 3).expected_distinct_ranks(3), 2.4, 1e-12);
}

TEST(DistinctRanks, TendsToTheFormulaWithReplacement) {
  // 8 experts over 8 ranks: 8 (1 - (7/8)^8) = 5.25 for very many experts. With 128, drawn without
  // replacement: 8 (1 - C(112,8)/C(128,8)) = 8 (1 - 0.33258) = 5.3394.
  const double limit = 8.0 * (1.0 - std::pow(7.0 / 8.0, 8));
  EXPECT_NEAR(limit, 5.25, 0.002);
  EXPECT_NEAR(Routing::uniform(1 << 20, 8).expected_distinct_ranks(8), limit, 1e-4);
  EXPECT_NEAR(Routing::uniform(128, 8).expected_distinct_ranks(8), 5.3394, 1e-4);
}

TEST(DistinctRanks, SkewedMatchesEveryDrawWrittenOut) {
  const Routing routing = Routing::power_law(7, 3, 1.2);
  const std::vector<std::size_t> rank_of = tests::rank_of_expert(7, 3);
  double expected = 0.0;
  tests::each_draw(tests::power_law_weights(routing, 1.2), 3,
                   [&](const std::vector<std::size_t>& drawn, double p) {
                     std::set<std::size_t> ranks;
                     for (const std::size_t e : drawn) {
                       ranks.insert(rank_of[e]);
                     }
                     expected += p * static_cast<double>(ranks.size());
                   });
  EXPECT_NEAR(routing.expected_distinct_ranks(3), expected, 1e-9);
}

TEST(DistinctRanks, OneRankIsTouchedOnce) {
  EXPECT_NEAR(Routing::uniform(16, 4).expected_distinct_ranks(1), 1.0, 1e-12);
  EXPECT_NEAR(Routing::power_law(16, 4, 1.0).expected_distinct_ranks(1), 1.0, 1e-12);
}

TEST(LargestRank, OneTokenByHand) {
  // 4 experts on 2 ranks, top 2: 2 of the 6 sets lie on one rank: (2 x 2 + 4 x 1) / 6 = 4/3.
  EXPECT_NEAR(Routing::uniform(4, 2).largest_rank_load(1.0, 2).pairs, 4.0 / 3.0, 1e-12);
}

TEST(LargestRank, TopOneByHand) {
  // Two tokens, one expert each, 4 ranks: the same rank with chance 1/4: 1/4 x 2 + 3/4 = 1.25.
  EXPECT_NEAR(Routing::uniform(8, 1).largest_rank_load(2.0, 4).pairs, 1.25, 1e-9);
}

TEST(LargestRank, HasNoFluctuationWhenEveryExpertIsChosen) {
  for (const double tokens : {1.0, 3.0, 5.0, 40.0, 1000.0}) {
    EXPECT_NEAR(Routing::uniform(8, 8).largest_rank_load(tokens, 4).pairs, 2.0 * tokens, 1e-6);
  }
}

TEST(LargestRank, OneRankHasEverything) {
  const RankLoad load = Routing::power_law(64, 4, 0.8).largest_rank_load(10.0, 1);
  EXPECT_NEAR(load.pairs, 40.0, 1e-8);
}

TEST(LargestRank, LiesBetweenTheBusiestMeanAndAllPairs) {
  for (const double alpha : {0.0, 1.2}) {
    const Routing routing = Routing::power_law(128, 8, alpha);
    for (const double tokens : {0.0, 0.5, 1.0, 2.5, 7.0, 33.0, 512.0, 8192.0}) {
      const RankLoad largest = routing.largest_rank_load(tokens, 8);
      double busiest = 0.0;
      double active = 0.0;
      for (int rank = 0; rank < 8; ++rank) {
        busiest = std::max(busiest, routing.rank_load(tokens, 8, rank).pairs);
        active = std::max(active, routing.rank_load(tokens, 8, rank).active_experts);
      }
      EXPECT_GE(largest.pairs, busiest - 1e-9) << tokens;
      EXPECT_LE(largest.pairs, tokens * 8.0 + 1e-9) << tokens;
      EXPECT_NEAR(largest.active_experts, active, 1e-9) << tokens;
    }
  }
}

TEST(LargestRank, ApproachesTheMeanForManyTokens) {
  // Fluctuation of a rank's pairs: sqrt(T k/P (1 - k/E)) = 8 sqrt(T) / sqrt(8)..., so at a million
  // tokens the largest of 8 ranks is within 1.5 standard deviations (1 %) of T k / P.
  const double pairs = Routing::uniform(128, 8).largest_rank_load(1e6, 8).pairs;
  EXPECT_GT(pairs, 1e6);
  EXPECT_LT(pairs, 1.003e6);
}

TEST(LargestRank, NeverFallsWithMoreTokens) {
  // Also where one approximation hands over to the next (32 pairs in all, 64 on a rank).
  for (const double alpha : {0.0, 0.6, 1.2}) {
    for (const std::int64_t k : {1, 8}) {
      for (const int ranks : {2, 8, 16}) {
        const Routing routing = Routing::power_law(64, k, alpha);
        double last = 0.0;
        for (int tokens = 0; tokens < 200; ++tokens) {
          const double pairs = routing.largest_rank_load(tokens, ranks).pairs;
          EXPECT_GE(pairs, last - 1e-9) << tokens << " tokens, " << ranks << " ranks, top " << k;
          last = pairs;
        }
      }
    }
  }
}

TEST(LargestRank, SkewLoadsTheBusiestRankMore) {  // tests.md C2 22
  for (const double tokens : {64.0, 1024.0, 8192.0}) {
    EXPECT_GE(Routing::power_law(128, 8, 1.2).largest_rank_load(tokens, 8).pairs,
              Routing::uniform(128, 8).largest_rank_load(tokens, 8).pairs);
  }
}

}  // namespace
}  // namespace moeplan::models
