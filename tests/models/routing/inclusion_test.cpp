// How often each expert is used, against every draw written out.
#include <gtest/gtest.h>

#include <set>

#include "tests/models/routing/draws_by_hand.hpp"

namespace moeplan::models {
namespace {

TEST(Inclusion, PowerLawMatchesEveryDrawWrittenOut) {
  for (const std::int64_t k : {1, 2, 3, 4}) {
    const Routing routing = Routing::power_law(5, k, 1.2);
    const std::vector<double> weights = tests::power_law_weights(routing, 1.2);
    std::vector<double> expected(5, 0.0);
    tests::each_draw(weights, static_cast<std::size_t>(k),
                     [&](const std::vector<std::size_t>& drawn, double p) {
                       for (const std::size_t e : drawn) {
                         expected[e] += p;
                       }
                     });
    for (std::size_t e = 0; e < 5; ++e) {
      EXPECT_NEAR(routing.inclusion()[e], expected[e], 1e-10) << "top " << k << " expert " << e;
    }
  }
}

TEST(Inclusion, SumsToTopK) {
  for (const std::int64_t experts : {8, 60, 128, 512}) {
    for (const std::int64_t k : {1, 2, 8}) {
      for (const double alpha : {0.0, 0.6, 1.2, 3.0}) {
        const Routing routing = Routing::power_law(experts, k, alpha);
        double sum = 0.0;
        for (const double q : routing.inclusion()) {
          EXPECT_GT(q, 0.0);
          EXPECT_LE(q, 1.0);
          sum += q;
        }
        EXPECT_NEAR(sum, static_cast<double>(k), 1e-9 * static_cast<double>(k));
        EXPECT_NEAR(routing.effective_top_k(), static_cast<double>(k), 1e-8);
      }
    }
  }
}

TEST(Inclusion, AllExpertsChosenWhenTopKIsTheirNumber) {
  const Routing routing = Routing::power_law(8, 8, 1.2);
  for (const double q : routing.inclusion()) {
    EXPECT_EQ(q, 1.0);
  }
  EXPECT_EQ(routing.expected_active(1.0), 8.0);
}

TEST(Inclusion, PopularityIsDealtOverTheExperts) {
  // Sorted popularity would put the 16 most used of 128 experts on the first of 8 ranks. A typical
  // mixture leaves every rank with some of the 32 most used and none with more than half of them.
  const Routing routing = Routing::power_law(128, 8, 1.2);
  std::vector<int> popular(8, 0);
  for (const ExpertId e : routing.most_popular(32)) {
    ++popular[static_cast<std::size_t>(e.index() / 16)];
  }
  for (const int count : popular) {
    EXPECT_GE(count, 1);
    EXPECT_LE(count, 16 / 2 + 1);
  }
}

TEST(Inclusion, MeasuredProbabilitiesAreKeptAndTheirWeightsFound) {
  // The inclusion of a power law, read back as if measured, gives the same routing: the same
  // chance to touch a rank, which needs the weights and not only the inclusion.
  const Routing known = Routing::power_law(64, 6, 1.0);
  const Routing read = Routing::from_inclusion(known.inclusion(), 6);
  for (std::size_t e = 0; e < 64; ++e) {
    EXPECT_NEAR(read.inclusion()[e], known.inclusion()[e], 1e-12);
  }
  EXPECT_NEAR(read.expected_distinct_ranks(8), known.expected_distinct_ranks(8), 1e-6);
}

TEST(Inclusion, MeasuredEqualProbabilitiesAreUniform) {
  EXPECT_TRUE(Routing::from_inclusion(std::vector<double>(4, 0.5), 2).is_uniform());
}

TEST(Inclusion, RelabellingTheExpertsRelabelsTheResult) {
  std::vector<double> q = {0.9, 0.5, 0.3, 0.2, 0.1, 0.0};  // sums to 2
  const Routing before = Routing::from_inclusion(q, 2);
  std::vector<double> reversed(q.rbegin(), q.rend());
  const Routing after = Routing::from_inclusion(reversed, 2);
  EXPECT_NEAR(before.expected_active(3.0), after.expected_active(3.0), 1e-12);
  EXPECT_NEAR(before.expected_distinct_ranks(3), after.expected_distinct_ranks(3), 1e-9);
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_NEAR(before.rank_load(5.0, 3, rank).pairs, after.rank_load(5.0, 3, 2 - rank).pairs,
                1e-12);
  }
}

TEST(Inclusion, RefusesWhatIsNoDistribution) {
  EXPECT_THROW(Routing::uniform(4, 5), std::logic_error);
  EXPECT_THROW(Routing::uniform(4, 0), std::logic_error);
  EXPECT_THROW(Routing::power_law(4, 2, -0.1), std::logic_error);
  EXPECT_THROW(Routing::power_law(4, 2, std::nan("")), std::logic_error);
  EXPECT_THROW(Routing::from_inclusion({0.5, 0.5, 0.5}, 2), std::logic_error);
  EXPECT_THROW(Routing::from_inclusion({1.5, 0.25, 0.25}, 2), std::logic_error);
}

TEST(ExpectedActive, MatchesEveryOutcomeOfTwoTokens) {
  // 4 experts, top 2, 2 tokens: 6 x 6 pairs of sets. The second set shares 0, 1, 2 experts with
  // the first in 1, 4, 1 of 6 cases: (4 + 4 x 3 + 2) / 6 = 3 different experts.
  EXPECT_NEAR(Routing::uniform(4, 2).expected_active(2.0), 3.0, 1e-12);
}

TEST(ExpectedActive, FollowsTheFormula) {
  // 128 experts, top 8: 128 (1 - (120/128)^T); T = 1: 8; T = 16: 128 (1 - 0.35607) = 82.42.
  const Routing routing = Routing::uniform(128, 8);
  EXPECT_NEAR(routing.expected_active(1.0), 8.0, 1e-12);
  EXPECT_NEAR(routing.expected_active(16.0), 128.0 * (1.0 - std::pow(0.9375, 16)), 1e-9);
  EXPECT_EQ(routing.expected_active(0.0), 0.0);
  EXPECT_NEAR(routing.expected_active(0.25), 2.0, 1e-12);  // linear below one token
}

TEST(ExpectedActive, NeverExceedsPairsOrExpertsAndNeverFalls) {
  for (const double alpha : {0.0, 1.2}) {
    const Routing routing = Routing::power_law(128, 8, alpha);
    double before = 0.0;
    for (double tokens = 0.0; tokens < 4096.0; tokens = tokens * 1.3 + 0.1) {
      const double active = routing.expected_active(tokens);
      EXPECT_GE(active, before);
      EXPECT_LE(active, 128.0);
      EXPECT_LE(active, tokens * 8.0 + 1e-9);
      before = active;
    }
  }
}

TEST(ExpectedActive, SkewReadsFewerExperts) {
  // 1 - (1 - q)^T is concave in q: at equal sum of q the uniform routing reads the most.
  EXPECT_LT(Routing::power_law(128, 8, 1.2).expected_active(16.0),
            Routing::uniform(128, 8).expected_active(16.0));
}

TEST(RoundRobin, IsWhatMeasuredTablesMeanByBalanced) {
  EXPECT_EQ(round_robin_active(16, 4.0), 4.0);
  EXPECT_EQ(round_robin_active(16, 40.0), 16.0);
}

}  // namespace
}  // namespace moeplan::models
