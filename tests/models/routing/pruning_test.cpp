// What pruning does to the routing, mode by mode (serving.md 4, tests.md C2 20 and 21).
#include <gtest/gtest.h>

#include <set>

#include "models/routing/capacity.hpp"
#include "tests/models/routing/draws_by_hand.hpp"

namespace moeplan::models {
namespace {

std::vector<ExpertId> ids(const std::vector<std::int32_t>& numbers) {
  std::vector<ExpertId> out;
  for (const std::int32_t n : numbers) {
    out.emplace_back(n);
  }
  return out;
}

TEST(RouterMode, NamesReadBack) {
  for (const std::string& name : router_mode_names()) {
    EXPECT_EQ(name_of(*router_mode_from(name)), name);
  }
  EXPECT_FALSE(router_mode_from("Sliced"));
}

TEST(Pruning, OfNothingChangesNothing) {
  const Routing before = Routing::power_law(32, 4, 1.0);
  for (const RouterMode mode :
       {RouterMode::reinitialised, RouterMode::sliced, RouterMode::merged_logits}) {
    const Routing after = before.pruned(mode, 32);
    EXPECT_EQ(after.inclusion(), before.inclusion()) << name_of(mode);  // bit for bit
    EXPECT_EQ(after.expected_distinct_ranks(4), before.expected_distinct_ranks(4));
  }
}

TEST(Pruning, UniformStaysUniformWhereTheModeSaysSo) {
  const Routing native = Routing::uniform(64, 8);
  const Routing before = Routing::uniform(128, 8);
  for (const RouterMode mode : {RouterMode::reinitialised, RouterMode::sliced}) {
    const Routing after = before.pruned(mode, 64);
    EXPECT_EQ(after.inclusion(), native.inclusion());
    EXPECT_EQ(after.largest_rank_load(100.0, 8).pairs, native.largest_rank_load(100.0, 8).pairs);
  }
}

TEST(Pruning, OfAnUnusedExpertLeavesTheOthersAlone) {
  const Routing before = Routing::from_inclusion({0.8, 0.0, 0.6, 0.4, 0.2}, 2);
  const Routing after = before.sliced(ids({0, 2, 3, 4}));
  const std::vector<std::size_t> old = {0, 2, 3, 4};
  for (std::size_t i = 0; i < old.size(); ++i) {
    EXPECT_NEAR(after.inclusion()[i], before.inclusion()[old[i]], 1e-8);
  }
  EXPECT_NEAR(after.expected_active(7.0), before.expected_active(7.0), 1e-7);
}

TEST(Pruning, SlicedIsTheDrawAmongTheKept) {
  const Routing before = Routing::power_law(6, 2, 1.2);
  const std::vector<double> weights = tests::power_law_weights(before, 1.2);
  const Routing after = before.sliced(ids({5, 1, 3}));
  std::vector<double> expected(3, 0.0);
  tests::each_draw({weights[5], weights[1], weights[3]}, 2,
                   [&](const std::vector<std::size_t>& drawn, double p) {
                     for (const std::size_t e : drawn) {
                       expected[e] += p;
                     }
                   });
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(after.inclusion()[i], expected[i], 1e-9);
  }
}

TEST(Pruning, KeepsTheMostPopular) {
  const Routing before = Routing::from_inclusion({0.1, 0.9, 0.3, 0.7}, 2);
  const std::vector<ExpertId> kept = before.most_popular(2);
  EXPECT_EQ(kept[0].index(), 1);
  EXPECT_EQ(kept[1].index(), 3);
}

TEST(Pruning, MergedLoadsAddUpAndATokenCountsOnce) {
  // Six experts of a power law into three clusters: P(cluster) = P(any member drawn).
  const Routing before = Routing::power_law(6, 3, 0.8);
  const std::vector<std::int32_t> cluster = {0, 1, 0, 2, 1, 2};
  const Routing after = before.merged(ids(cluster));
  std::vector<double> expected(3, 0.0);
  double different = 0.0;
  tests::each_draw(tests::power_law_weights(before, 0.8), 3,
                   [&](const std::vector<std::size_t>& drawn, double p) {
                     std::set<std::int32_t> used;
                     for (const std::size_t e : drawn) {
                       used.insert(cluster[e]);
                     }
                     for (const std::int32_t c : used) {
                       expected[static_cast<std::size_t>(c)] += p;
                     }
                     different += p * static_cast<double>(used.size());
                   });
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(after.inclusion()[c], expected[c], 1e-9);
  }
  EXPECT_NEAR(after.effective_top_k(), different, 1e-9);
  EXPECT_LT(after.effective_top_k(), 3.0);
  EXPECT_EQ(after.top_k(), 3);
}

TEST(Pruning, MergingRaisesTheSkew) {
  const Routing before = Routing::power_law(128, 8, 0.8);
  EXPECT_GT(before.pruned(RouterMode::merged_logits, 64).inclusion()[0], 0.0);
  // Equal experts, unequal clusters: the cluster of three has the higher load.
  const Routing uneven = Routing::uniform(8, 2).merged(ids({0, 0, 0, 1, 2, 3, 4, 5}));
  EXPECT_GT(uneven.skew(), 1.0);
}

TEST(Pruning, PairsPerRankStayAndActiveExpertsNeverRise) {  // tests.md C2 21
  for (const double alpha : {0.0, 1.0}) {
    const Routing before = Routing::power_law(128, 8, alpha);
    for (const RouterMode mode : {RouterMode::reinitialised, RouterMode::sliced}) {
      Routing last = before.pruned(mode, 128);
      for (const std::int64_t kept : {96, 64, 32, 16, 8}) {
        const Routing after = before.pruned(mode, kept);
        double pairs = 0.0;
        for (int rank = 0; rank < 8; ++rank) {
          pairs += after.rank_load(64.0, 8, rank).pairs;
        }
        EXPECT_NEAR(pairs, 64.0 * 8.0, 1e-6);  // mean over ranks: T k / P
        // A trained router is taken as uniform, which reads more than a skewed one: compare it
        // with the larger uniform router, not with the skewed one before.
        if (mode == RouterMode::sliced || alpha == 0.0 || kept < 96) {
          EXPECT_LE(after.expected_active(64.0), last.expected_active(64.0) + 1e-9);
        }
        last = after;
      }
    }
  }
}

TEST(Pruning, RefusesWhatIsNoPlan) {
  const Routing routing = Routing::uniform(8, 2);
  EXPECT_THROW(routing.sliced(ids({0, 8})), std::logic_error);
  EXPECT_THROW(routing.sliced(ids({0, 0})), std::logic_error);
  EXPECT_THROW(routing.sliced(ids({3})), std::logic_error);  // fewer than top_k
  EXPECT_THROW(routing.reinitialised(1), std::logic_error);
  EXPECT_THROW(routing.merged(ids({0, 1})), std::logic_error);
  EXPECT_THROW(routing.merged(ids({0, 0, 0, 0, 0, 0, 0, 2})), std::logic_error);  // a gap
  EXPECT_THROW(routing.pruned(RouterMode::sliced, 9), std::logic_error);
}

TEST(Capacity, IsTheRoundedShareOrTheMinimum) {
  // ceil(1.0 x 1 x 512 / 128) = 4; ceil(1.2 x 1 x 512 / 8) = ceil(76.8) = 77; never below 4.
  EXPECT_EQ(expert_capacity(1.0, 4, 1, 512, 128), 4);
  EXPECT_EQ(expert_capacity(1.2, 4, 1, 512, 8), 77);
  EXPECT_EQ(expert_capacity(1.0, 4, 1, 256, 128), 4);
  EXPECT_THROW(expert_capacity(0.0, 4, 1, 256, 128), std::logic_error);
}

TEST(Capacity, DropsWhatIsOver) {
  // 2 tokens, 2 experts, top 1, one row each: an expert has 2 tokens with chance 1/4 and then
  // drops one: 2 x 1/4 = 0.5 pairs.
  const Routing routing = Routing::uniform(2, 1);
  EXPECT_NEAR(expected_dropped(routing, 2, 1), 0.5, 1e-12);
  EXPECT_NEAR(expected_dropped(routing, 2, 0), 2.0, 1e-12);  // everything
  EXPECT_NEAR(expected_dropped(routing, 2, 2), 0.0, 1e-12);  // nothing
}

}  // namespace
}  // namespace moeplan::models
