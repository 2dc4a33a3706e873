// Does a placement hold every expert, and do loads follow it? (tests.md C2 17, C3 20, 21)
#include "models/routing/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "models/routing/group_limit.hpp"

namespace moeplan::models {
namespace {

Placement::OnRank on_ranks(const std::vector<std::vector<int>>& ids) {
  Placement::OnRank out;
  for (const auto& own : ids) {
    out.emplace_back();
    for (const int id : own) {
      out.back().emplace_back(id);
    }
  }
  return out;
}

double busiest_mean(const Routing& placed, int ranks) {
  double most = 0.0;
  for (int rank = 0; rank < ranks; ++rank) {
    most = std::max(most, placed.rank_load(1000.0, ranks, rank).pairs);
  }
  return most;
}

std::vector<Routing> skewed() {
  std::vector<Routing> out = {Routing::power_law(64, 4, 1.2)};
  for (int layer = 0; layer < 4; ++layer) {
    out.push_back(Routing::dirichlet(64, 4, 0.4, 1, layer));
  }
  out.push_back(Routing::dirichlet(128, 8, 1.0, 1, 0).pruned(RouterMode::merged_logits, 64));
  return out;
}

TEST(Placement, ContiguousIsWhatLoadsAssume) {
  const Placement placement = Placement::contiguous(7, 3);
  EXPECT_EQ(placement.on_rank(), on_ranks({{0, 1, 2}, {3, 4}, {5, 6}}));
  EXPECT_TRUE(placement.is_contiguous());
  for (const Routing& routing : skewed()) {
    const Routing placed = routing.placed(Placement::contiguous(64, 8));
    EXPECT_EQ(placed.inclusion(), routing.inclusion());
    for (const double tokens : {1.0, 17.0, 900.0}) {
      EXPECT_EQ(placed.largest_rank_load(tokens, 8).pairs,
                routing.largest_rank_load(tokens, 8).pairs);
    }
  }
}

TEST(Placement, RoundRobinDealsExpertsOut) {
  const Placement placement = Placement::round_robin(5, 2);
  EXPECT_EQ(placement.on_rank(), on_ranks({{0, 2, 4}, {1, 3}}));
  EXPECT_FALSE(placement.is_contiguous());
  // Top 1, chances 0.5, 0.1, 0.2, 0.1, 0.1: 100 tokens bring 80 pairs to rank 0.
  const Routing routing = Routing::from_inclusion({0.5, 0.1, 0.2, 0.1, 0.1}, 1);
  EXPECT_NEAR(routing.placed(placement).rank_load(100.0, 2, 0).pairs, 80.0, 1e-9);
}

TEST(Placement, BalancedByHand) {
  // 4, 3, 2, 1: 4 and 3 open the ranks, 2 joins 3 (5), 1 joins 4 (5).
  EXPECT_EQ(Placement::balanced({4.0, 3.0, 2.0, 1.0}, 2).on_rank(), on_ranks({{0, 3}, {1, 2}}));
  // Two copies more of 6, 2, 1, 1 on two ranks: 6 gets one (3 and 3); it is on both ranks then, so
  // 2 gets the other (1 and 1). 3 and 3; 1 and 1; the rest one each.
  const Placement copies = Placement::balanced({6.0, 2.0, 1.0, 1.0}, 2, 2);
  EXPECT_EQ(copies.on_rank(), on_ranks({{0, 1, 2}, {0, 1, 3}}));
  EXPECT_EQ(copies.redundant(), 2);
  EXPECT_EQ(copies.most_slots(), 3);
  EXPECT_THAT(copies.ranks_of(0), testing::ElementsAre(0, 1));
}

TEST(Placement, BalancedIsNeverBusierThanContiguous) {
  for (const Routing& routing : skewed()) {
    for (const int ranks : {2, 4, 8}) {
      const double contiguous = busiest_mean(routing, ranks);
      const Placement balanced = Placement::balanced(routing.inclusion(), ranks);
      EXPECT_LE(busiest_mean(routing.placed(balanced), ranks), contiguous);
      const Placement copies = Placement::balanced(routing.inclusion(), ranks, 16);
      const Routing placed = routing.placed(copies);
      EXPECT_LE(busiest_mean(placed, ranks), contiguous);
      EXPECT_LE(placed.largest_rank_load(4096.0, ranks).pairs,
                routing.largest_rank_load(4096.0, ranks).pairs);
      // Nothing lies below an even split.
      EXPECT_GE(busiest_mean(placed, ranks), 1000.0 * routing.effective_top_k() / ranks - 1e-6);
    }
  }
}

TEST(Placement, CopiesConservePairsAndLieOnDifferentRanks) {
  for (const Routing& routing : skewed()) {
    for (const std::int64_t redundant : {0, 8, 64, 448}) {  // 448: every expert on all 8 ranks
      const Placement placement = Placement::balanced(routing.inclusion(), 8, redundant);
      EXPECT_EQ(placement.slots(), 64 + redundant);
      EXPECT_FALSE(why_not_placed(placement.on_rank(), 64, redundant));
      const Routing placed = routing.placed(placement);
      double pairs = 0.0;
      for (int rank = 0; rank < 8; ++rank) {
        pairs += placed.rank_load(100.0, 8, rank).pairs;
        EXPECT_EQ(placement.on_rank()[static_cast<std::size_t>(rank)].size(),
                  static_cast<std::size_t>(64 + redundant) / 8);
      }
      EXPECT_NEAR(pairs, 100.0 * routing.effective_top_k(), 1e-9 * pairs);
      if (redundant == 448) {
        EXPECT_NEAR(busiest_mean(placed, 8), 1000.0 * routing.effective_top_k() / 8.0, 1e-6);
      }
    }
  }
}

TEST(Placement, WrongOnesNameTheirExperts) {
  const auto why = [](const std::vector<std::vector<int>>& ids, std::int64_t experts,
                      std::optional<std::int64_t> redundant) {
    return why_not_placed(on_ranks(ids), experts, redundant).value_or("");
  };
  EXPECT_EQ(why({{0, 1}, {2, 3}}, 4, 0), "");
  EXPECT_EQ(why({{0, 1}, {2, 2}}, 4, 0), "expert 2 is twice on rank 1");
  EXPECT_EQ(why({{0, 1}, {2, 5}}, 6, 0), "experts 3, 4 are nowhere");
  EXPECT_EQ(why({{0, 1}, {2, 1}}, 3, 0),
            "4 copies of 3 experts, 0 redundant ones wanted; expert 1 is on several ranks");
  EXPECT_EQ(why({{0, 1}, {2, 4}}, 4, 0), "rank 1 holds expert 4; experts are 0 to 3");
  EXPECT_EQ(why({{0}, {1, 2}}, 3, 0), "rank 0 holds 1 experts instead of 2");
  EXPECT_THROW(Placement::from_ranks(on_ranks({{0}, {0}}), 2), std::logic_error);
  EXPECT_THROW(Placement::balanced({1.0, 2.0}, 2, 3), std::logic_error);
  EXPECT_THROW(Placement::balanced({1.0, -2.0}, 2), std::logic_error);
}

TEST(Placement, RelabelledExpertsChangeNothing) {  // tests.md C2 17
  const Routing routing = Routing::dirichlet(32, 4, 0.5, 1, 0);
  std::vector<ExpertId> order;  // new expert i was order[i]; 5 and 32 have no common factor
  std::vector<std::int32_t> now(32);
  for (std::int32_t i = 0; i < 32; ++i) {
    order.emplace_back((5 * i + 3) % 32);
    now[static_cast<std::size_t>(order.back().index())] = i;
  }
  const Routing relabelled = routing.sliced(order);
  for (const std::int64_t redundant : {0, 16}) {
    const Placement before = Placement::balanced(routing.inclusion(), 8, redundant);
    Placement::OnRank moved = before.on_rank();
    for (auto& own : moved) {
      for (ExpertId& expert : own) {
        expert = ExpertId(now[static_cast<std::size_t>(expert.index())]);
      }
    }
    const Routing a = routing.placed(before);
    const Routing b = relabelled.placed(Placement::from_ranks(moved, 32));
    for (const double tokens : {1.0, 6.0, 100.0, 5000.0}) {
      EXPECT_NEAR(a.largest_rank_load(tokens, 8).pairs, b.largest_rank_load(tokens, 8).pairs,
                  1e-11 * tokens);
      EXPECT_NEAR(a.largest_rank_load(tokens, 8).active_experts,
                  b.largest_rank_load(tokens, 8).active_experts, 1e-11);
    }
    EXPECT_NEAR(a.expected_distinct_ranks(8), b.expected_distinct_ranks(8), 1e-10);
  }
}

TEST(Placement, GroupsOfARouterDoNotMoveWithTheExperts) {
  // 4 experts in groups {0, 1} and {2, 3}; a token uses both experts of one group. Contiguous: they
  // share a rank. Dealt round: they never do.
  const GroupLimit limit{.groups = 2, .kept = 1};
  for (const Routing& routing :
       {Routing::uniform(4, 2), Routing::from_inclusion({0.6, 0.5, 0.4, 0.5}, 2)}) {
    EXPECT_NEAR(expected_distinct_ranks(routing, limit, Placement::contiguous(4, 2)), 1.0, 1e-9);
    EXPECT_NEAR(expected_distinct_ranks(routing, limit, Placement::round_robin(4, 2)), 2.0, 1e-9);
  }
  // Top 1 with every expert on both ranks: one rank whatever happens.
  const Routing one = Routing::from_inclusion({0.7, 0.3}, 1);
  const Placement everywhere = Placement::balanced(one.inclusion(), 2, 2);
  EXPECT_NEAR(expected_distinct_ranks(one, {}, everywhere), 1.0, 1e-9);
  EXPECT_NEAR(one.placed(everywhere).expected_distinct_ranks(2), 1.0, 1e-9);
}

}  // namespace
}  // namespace moeplan::models
