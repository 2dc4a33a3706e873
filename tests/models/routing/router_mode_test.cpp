// What each router mode promises, and what it does not (serving.md 4; tests.md C2 17, 20, 22).
#include <gtest/gtest.h>

#include "models/routing/capacity.hpp"
#include "models/routing/router_change.hpp"
#include "tests/models/routing/draws_by_hand.hpp"

namespace moeplan::models {
namespace {

const std::vector<RouterMode> kModes = {RouterMode::reinitialised, RouterMode::sliced,
                                        RouterMode::merged_logits};

TEST(RouterModes, EqualRoutingWhereTheModeSaysSo) {
  // Pruned to 32 == native 32 (C2 20): a router trained anew always, a sliced one where the experts
  // were equal, a merged one only where the clusters are equal too, and then in fewer experts.
  const Routing native = Routing::uniform(32, 4);
  for (const Routing& before : {Routing::uniform(64, 4), Routing::power_law(64, 4, 1.0)}) {
    EXPECT_EQ(before.pruned(RouterMode::reinitialised, 32).inclusion(), native.inclusion());
  }
  EXPECT_EQ(Routing::uniform(64, 4).pruned(RouterMode::sliced, 32).inclusion(), native.inclusion());
  EXPECT_NE(Routing::power_law(64, 4, 1.0).pruned(RouterMode::sliced, 32).inclusion(),
            native.inclusion());
  const Routing merged = Routing::uniform(64, 4).pruned(RouterMode::merged_logits, 32);
  EXPECT_NEAR(merged.skew(), 1.0, 1e-9);
  EXPECT_LT(merged.effective_top_k(), 4.0);
}

TEST(RouterModes, MergedTokensLoseTheExpertsThatCoincide) {
  // 4 experts, top 2, into 2 clusters of 2: both of a token's experts in one cluster in 2 of 6
  // sets: 1/3 x 1 + 2/3 x 2 = 5/3 different experts. Top 1 loses nothing.
  const Routing two = Routing::uniform(4, 2);
  const RouterChange change = router_change(two, two.pruned(RouterMode::merged_logits, 2),
                                            RouterMode::merged_logits, {}, {});
  EXPECT_NEAR(change.top_k_before, 2.0, 1e-12);
  EXPECT_NEAR(change.top_k_after, 5.0 / 3.0, 1e-9);
  EXPECT_NEAR(Routing::uniform(4, 1).pruned(RouterMode::merged_logits, 2).effective_top_k(), 1.0,
              1e-12);
}

TEST(RouterModes, OnlyMergingLosesExperts) {
  const Routing before = Routing::dirichlet(64, 6, 0.5, 1, 0);
  for (const RouterMode mode : kModes) {
    const double after = before.pruned(mode, 24).effective_top_k();
    if (mode == RouterMode::merged_logits) {
      EXPECT_LT(after, 6.0 - 0.1);
    } else {
      EXPECT_NEAR(after, 6.0, 1e-7) << name_of(mode);
    }
  }
}

TEST(RouterModes, ASlicedSoftmaxThatIsNotNormalisedScalesUp) {
  // Weights 4, 3, 2, 1, top 1, two kept: the softmax over 4 + 3 instead of 10: 10/7.
  const Routing before = Routing::from_inclusion({0.4, 0.3, 0.2, 0.1}, 1);
  const std::vector<ExpertId> kept = before.most_popular(2);
  const auto scale = [&](RouterMode mode, const GateRule& rule) {
    return router_change(before, before.pruned(mode, 2), mode, kept, rule).output_scale;
  };
  const GateRule plain{.softmax = true, .normalised = false};
  EXPECT_NEAR(*scale(RouterMode::sliced, plain), 10.0 / 7.0, 1e-12);
  EXPECT_EQ(scale(RouterMode::sliced, {.softmax = true, .normalised = true}), 1.0);
  EXPECT_EQ(scale(RouterMode::sliced, {.softmax = false, .normalised = false}), 1.0);
  EXPECT_EQ(scale(RouterMode::merged_logits, plain), 1.0);
  EXPECT_FALSE(scale(RouterMode::reinitialised, plain));
}

TEST(Relabelling, ExpertsWithTheirPlacementChangeNothing) {  // tests.md C2 17
  // Ranks swap places and experts swap inside their rank: 16 experts, 4 ranks of 4.
  std::vector<ExpertId> order;
  for (const int rank : {2, 0, 3, 1}) {
    for (const int place : {3, 1, 0, 2}) {
      order.emplace_back(rank * 4 + place);
    }
  }
  for (const Routing& before :
       {Routing::power_law(16, 4, 1.2), Routing::dirichlet(16, 3, 0.3, 1, 0)}) {
    const Routing after = before.sliced(order);
    const auto same = [](double a, double b, const char* what) {
      EXPECT_NEAR(a, b, 1e-11 * std::max(1.0, std::fabs(b))) << what;
    };
    for (const double tokens : {1.0, 5.0, 64.0, 4096.0}) {
      same(after.expected_active(tokens), before.expected_active(tokens), "active");
      const RankLoad a = after.largest_rank_load(tokens, 4);
      const RankLoad b = before.largest_rank_load(tokens, 4);
      same(a.pairs, b.pairs, "pairs");
      same(a.active_experts, b.active_experts, "active on a rank");
    }
    same(after.expected_distinct_ranks(4), before.expected_distinct_ranks(4), "ranks");
    same(after.skew(), before.skew(), "skew");
    same(expected_dropped(after, 64, 8), expected_dropped(before, 64, 8), "dropped");
    for (const RouterMode mode : {RouterMode::sliced, RouterMode::merged_logits}) {
      same(after.pruned(mode, 8).expected_active(9.0), before.pruned(mode, 8).expected_active(9.0),
           "pruned");
      same(after.pruned(mode, 8).effective_top_k(), before.pruned(mode, 8).effective_top_k(),
           "pruned top_k");
    }
  }
}

TEST(Skew, LoadsTheBusiestRankMoreAndReadsFewerExperts) {  // tests.md C2 22
  // Compute-bound work follows the busiest rank's pairs: never below uniform routing's. Traffic of
  // a memory-bound decode follows the experts read: never above. So which is slower is left open.
  const Routing uniform = Routing::uniform(64, 4);
  for (const double concentration : {0.1, 0.5, 2.0}) {
    for (int layer = 0; layer < 5; ++layer) {
      const Routing skewed = Routing::dirichlet(64, 4, concentration, 1, layer);
      EXPECT_GT(skewed.skew(), 1.0);
      for (const double tokens : {1.0, 16.0, 256.0, 8192.0}) {
        EXPECT_LE(skewed.expected_active(tokens), uniform.expected_active(tokens) + 1e-9);
        if (tokens >= 256.0) {  // below, the stated error of the estimate is larger than the effect
          EXPECT_GE(skewed.largest_rank_load(tokens, 8).pairs,
                    uniform.largest_rank_load(tokens, 8).pairs);
        }
      }
      EXPECT_GE(expected_dropped(skewed, 256, 16), expected_dropped(uniform, 256, 16));
    }
  }
}

TEST(CapacityUse, CountsRowsByHand) {
  // 2 experts, top 1, 2 tokens, factor 1, minimum 1: capacity 1, 2 rows. Half a pair is dropped
  // (DropsWhatIsOver), a quarter of the pairs; 1.5 rows hold a token, 0.5 are padding.
  const CapacityUse use = capacity_use(Routing::uniform(2, 1), 1.0, 1, 2);
  EXPECT_EQ(use.capacity, 1);
  EXPECT_EQ(use.buffer_rows, 2);
  EXPECT_NEAR(use.dropped_pairs, 0.5, 1e-12);
  EXPECT_NEAR(use.dropped_fraction, 0.25, 1e-12);
  EXPECT_NEAR(use.padding_rows, 0.5, 1e-12);
  // No tokens: the minimum capacity is sent all the same.
  const CapacityUse idle = capacity_use(Routing::uniform(8, 1), 1.0, 4, 0);
  EXPECT_EQ(idle.buffer_rows, 32);
  EXPECT_EQ(idle.dropped_fraction, 0.0);
  EXPECT_NEAR(idle.padding_rows, 32.0, 1e-12);
}

TEST(CapacityUse, DropsMatchMonteCarlo) {
  // The paper's evaluation: top 1 of 32 experts, factor 1.0, minimum 4, 512 tokens: capacity 16.
  const Routing routing = Routing::dirichlet(32, 1, 2.0, 1, 0);
  const CapacityUse use = capacity_use(routing, 1.0, 4, 512);
  EXPECT_EQ(use.capacity, 16);
  tests::Sampler sampler(routing.weights(), 1, 7);
  constexpr int kRuns = 400;
  double sum = 0.0;
  double squares = 0.0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<int> rows(32, 0);
    for (int t = 0; t < 512; ++t) {
      ++rows[sampler.draw()[0]];
    }
    double dropped = 0.0;
    for (const int n : rows) {
      dropped += std::max(0, n - 16);
    }
    sum += dropped;
    squares += dropped * dropped;
  }
  const double mean = sum / kRuns;
  const double error = std::sqrt((squares / kRuns - mean * mean) / kRuns);
  EXPECT_NEAR(use.dropped_pairs, mean, 5.0 * error);
  EXPECT_NEAR(use.dropped_fraction, use.dropped_pairs / 512.0, 1e-12);
}

}  // namespace
}  // namespace moeplan::models
