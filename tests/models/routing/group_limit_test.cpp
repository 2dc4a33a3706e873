// How many ranks and nodes a token reaches when its router keeps few groups.
#include "models/routing/group_limit.hpp"

#include <gtest/gtest.h>

#include <set>

#include "models/routing/split_mix.hpp"
#include "tests/models/routing/draws_by_hand.hpp"

namespace moeplan::models {
namespace {

TEST(GroupLimit, UniformByHand) {
  // 4 experts in 2 groups of 2, one group kept, top 1, a rank per expert: one rank. Top 2: both
  // experts of the group, 2 ranks; with 2 ranks (one a group): 1.
  EXPECT_NEAR(expected_distinct_ranks(Routing::uniform(4, 1), {2, 1}, 4), 1.0, 1e-12);
  EXPECT_NEAR(expected_distinct_ranks(Routing::uniform(4, 2), {2, 1}, 4), 2.0, 1e-12);
  EXPECT_NEAR(expected_distinct_ranks(Routing::uniform(4, 2), {2, 1}, 2), 1.0, 1e-12);
  // 8 experts, 4 groups of 2, 2 groups kept, top 2, 2 ranks of 2 groups. Both groups on one rank:
  // 2 of 6 sets of groups, 1 rank. One on each: 4 of 6, then both experts on one rank in 2 of the
  // 6 pairs of the 4 open experts: 1/3 x 1 + 2/3 x 2 = 5/3. Together 1/3 + 2/3 x 5/3 = 13/9.
  EXPECT_NEAR(expected_distinct_ranks(Routing::uniform(8, 2), {4, 2}, 2), 13.0 / 9.0, 1e-12);
}

TEST(GroupLimit, DeepSeekV3ReachesFourOfEightNodes) {
  // 256 experts, 8 groups, 4 kept, top 8, 8 nodes of one group each: a kept group is missed with
  // chance C(96, 8) / C(128, 8) = 0.0923; 4 (1 - 0.0923) = 3.631 nodes, against 5.30 without limit.
  double none = 1.0;
  for (int i = 0; i < 8; ++i) {
    none *= (96.0 - i) / (128.0 - i);
  }
  const Routing routing = Routing::uniform(256, 8);
  EXPECT_NEAR(expected_distinct_ranks(routing, {8, 4}, 8), 4.0 * (1.0 - none), 1e-12);
  EXPECT_LE(expected_distinct_ranks(routing, {8, 4}, 8), 4.0);
  EXPECT_GT(routing.expected_distinct_ranks(8), 5.25);
}

TEST(GroupLimit, AllGroupsKeptIsNoLimit) {
  for (const Routing& routing : {Routing::uniform(32, 4), Routing::power_law(32, 4, 1.0)}) {
    EXPECT_EQ(expected_distinct_ranks(routing, {8, 8}, 4), routing.expected_distinct_ranks(4));
  }
}

// The two draws of the model, token by token.
double sampled(const Routing& routing, const GroupLimit& limit, int ranks, int tokens) {
  const std::vector<std::size_t> rank_of = tests::rank_of_expert(routing.experts(), ranks);
  const auto size = static_cast<std::size_t>(routing.experts() / limit.groups);
  std::vector<double> groups(static_cast<std::size_t>(limit.groups), 0.0);
  for (std::size_t e = 0; e < routing.weights().size(); ++e) {
    groups[e / size] += routing.weights()[e];
  }
  tests::Sampler groups_drawn(groups, static_cast<std::size_t>(limit.kept), 11);
  double sum = 0.0;
  for (int t = 0; t < tokens; ++t) {
    std::vector<double> open;
    std::vector<std::size_t> expert;
    for (const std::size_t g : groups_drawn.draw()) {
      for (std::size_t e = g * size; e < (g + 1) * size; ++e) {
        open.push_back(routing.weights()[e]);
        expert.push_back(e);
      }
    }
    tests::Sampler inside(open, static_cast<std::size_t>(routing.top_k()),
                          static_cast<std::uint64_t>(t));
    std::set<std::size_t> hit;
    for (const std::size_t i : inside.draw()) {
      hit.insert(rank_of[expert[i]]);
    }
    sum += static_cast<double>(hit.size());
  }
  return sum / tokens;
}

TEST(GroupLimit, MatchesMonteCarlo) {
  // Ranks reached by a token vary by less than 1 from token to token: 5 standard errors.
  constexpr int kTokens = 20000;
  const double error = 5.0 / std::sqrt(kTokens);
  for (const int ranks : {4, 8, 16, 3}) {
    for (const Routing& routing : {Routing::uniform(32, 4), Routing::power_law(32, 4, 1.0)}) {
      EXPECT_NEAR(expected_distinct_ranks(routing, {8, 3}, ranks),
                  sampled(routing, {8, 3}, ranks, kTokens), error)
          << ranks;
    }
  }
}

TEST(GroupLimit, SaysWhatDoesNotDivide) {
  EXPECT_FALSE(why_not_grouped(256, 8, {8, 4}));
  EXPECT_EQ(*why_not_grouped(250, 8, {8, 4}), "250 experts do not divide into 8 router groups");
  EXPECT_EQ(*why_not_grouped(8, 8, {8, 4}),
            "top_k 8 > the 4 experts that 4 of 8 router groups hold");
  EXPECT_THROW(expected_distinct_ranks(Routing::uniform(10, 2), {4, 2}, 2), std::logic_error);
}

TEST(GroupLimit, PruningKeepsTheGroupsEqual) {
  // The four most popular of eight lie in the first group: with two groups, two of each stay.
  const Routing routing =
      Routing::from_inclusion({0.40, 0.35, 0.30, 0.25, 0.20, 0.10, 0.15, 0.25}, 2);
  std::vector<std::int32_t> kept;
  for (const ExpertId e : routing.most_popular(4, 2)) {
    kept.push_back(e.index());
  }
  EXPECT_EQ(kept, (std::vector<std::int32_t>{0, 1, 4, 7}));
  const Routing sliced = routing.pruned(RouterMode::sliced, 4, 2);
  EXPECT_EQ(sliced.weights()[2], routing.weights()[4]);
  // Merging stays inside the groups: each has all the draws it had before.
  const Routing merged = routing.pruned(RouterMode::merged_logits, 4, 2);
  for (std::size_t c = 0; c < 8; ++c) {
    EXPECT_EQ(merged.expert_of()[c] / 2, static_cast<std::int64_t>(c) / 4) << c;
  }
  EXPECT_NEAR(merged.expected_distinct_ranks(2), routing.expected_distinct_ranks(2), 1e-12);
  EXPECT_THROW(routing.pruned(RouterMode::sliced, 3, 2), std::logic_error);
}

}  // namespace
}  // namespace moeplan::models
