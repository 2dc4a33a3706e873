// Are the vectors what their names say, whole, and possible?
#include "calibrate/kernels/token_counts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace moeplan::calibrate {
namespace {

using testing::ElementsAre;

TEST(TokenCounts, BalancedDiffersByOneAtMost) {
  // 10 tokens x 2 = 20 pairs over 8 experts: 2.5 each; equal remainders go to the lower experts.
  EXPECT_THAT(token_counts("balanced", 8, 10, 2), ElementsAre(3, 3, 3, 3, 2, 2, 2, 2));
}

TEST(TokenCounts, OneHotGivesEveryTokenToTheSameExperts) {
  EXPECT_THAT(token_counts("one_hot", 5, 7, 2), ElementsAre(7, 7, 0, 0, 0));
}

TEST(TokenCounts, ZipfFollowsTheRanks) {
  // Weights 1, 1/2, 1/3, 1/4 = 12, 6, 4, 3 of 25; 100 pairs of 100 tokens: 48, 24, 16, 12.
  EXPECT_THAT(token_counts("zipf_1", 4, 100, 1), ElementsAre(48, 24, 16, 12));
}

TEST(TokenCounts, NoExpertGetsMoreThanAllTokens) {
  // 10 tokens x 2, weights 1, 1/4, 1/9, 1/16 of sum 1.4236: the first would get 14, gets 10. The
  // other 10 in proportion 36 : 16 : 9 of 61: 5.90, 2.62, 1.48 -> 6, 3, 1.
  EXPECT_THAT(token_counts("zipf_2", 4, 10, 2), ElementsAre(10, 6, 3, 1));
}

TEST(TokenCounts, ReplayedKeepsUnusedExpertsUnused) {
  EXPECT_THAT(apportion({30.0, 0.0, 10.0}, 4, 1), ElementsAre(3, 0, 1));
  EXPECT_THROW(apportion({30.0, 0.0, 0.0}, 4, 2), std::logic_error);
  EXPECT_THROW(token_counts("unknown", 4, 4, 1), std::logic_error);
}

TEST(TokenCounts, EveryTokenHasItsPairsAtDifferentExperts) {
  for (const char* distribution : {"balanced", "zipf_1", "zipf_2", "one_hot"}) {
    const std::int64_t tokens = 13;
    const std::int64_t top_k = 3;
    const auto counts = token_counts(distribution, 8, tokens, top_k);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), tokens * top_k);
    const auto token_of = tokens_of_pairs(counts, tokens);
    std::vector<int> pairs_of_token(13, 0);
    std::size_t pair = 0;
    for (const std::int64_t count : counts) {
      std::set<std::int32_t> seen;
      for (std::int64_t i = 0; i < count; ++i, ++pair) {
        EXPECT_TRUE(seen.insert(token_of[pair]).second) << distribution;
        ++pairs_of_token[static_cast<std::size_t>(token_of[pair])];
      }
    }
    EXPECT_THAT(pairs_of_token, testing::Each(top_k)) << distribution;
  }
}

}  // namespace
}  // namespace moeplan::calibrate
