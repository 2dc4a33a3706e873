// What is left of the router and of the routing after pruning?
#include <gtest/gtest.h>

#include <numeric>

#include "models/pruning/pruned_router.hpp"
#include "tests/models/pruning/planted.hpp"

namespace moeplan::models {
namespace {

LayerPlan two_of_four() {  // {0, 2} -> 2 and {1, 3} -> 1
  LayerPlan plan{.layer = 3, .experts = 4};
  plan.kept.push_back({1, {1, 3}, {0.5, 0.5}});
  plan.kept.push_back({2, {0, 2}, {0.5, 0.5}});
  return plan;
}

RouterWeights router(SplitMix& random) {
  return {normal_matrix(4, 6, random), normal_matrix(4, 1, random), normal_matrix(4, 1, random)};
}

TEST(PrunedRouter, SlicedKeepsTheAnchorsRowsAndBiases) {
  SplitMix random(41);
  const RouterWeights before = router(random);
  const RouterWeights after = pruned_router(before, two_of_four(), RouterMode::sliced, 1);
  ASSERT_EQ(after.weight.rows(), 2);
  EXPECT_EQ((after.weight.row(0) - before.weight.row(1)).norm(), 0.0f);
  EXPECT_EQ((after.weight.row(1) - before.weight.row(2)).norm(), 0.0f);
  EXPECT_EQ(after.bias(0), before.bias(1));
  EXPECT_EQ(after.correction_bias(1), before.correction_bias(2));
}

TEST(PrunedRouter, MergedLogitsKeepsAll) {
  SplitMix random(42);
  const RouterWeights before = router(random);
  const RouterWeights after = pruned_router(before, two_of_four(), RouterMode::merged_logits, 1);
  EXPECT_EQ((after.weight - before.weight).norm(), 0.0f);
}

// 200 x 500 draws of N(0, 0.02^2): mean within 5 sd / sqrt n = 3.2e-4, deviation within 5 / sqrt
// 2n.
TEST(PrunedRouter, ReinitialisedIsNormalAndAFunctionOfSeedAndLayer) {
  LayerPlan plan{.layer = 1, .experts = 200};
  for (std::int32_t e = 0; e < 200; ++e) {
    plan.kept.push_back({e, {e}, {1.0}});
  }
  const RouterWeights before{FloatMatrix::Zero(200, 500), {}, {}};
  const FloatMatrix a = pruned_router(before, plan, RouterMode::reinitialised, 1).weight;
  EXPECT_NEAR(a.mean(), 0.0f, 3.2e-4f);
  EXPECT_NEAR(std::sqrt(a.squaredNorm() / 1e5f), 0.02f, 0.02f * 0.0112f);
  EXPECT_TRUE(a == pruned_router(before, plan, RouterMode::reinitialised, 1).weight);
  EXPECT_FALSE(a == pruned_router(before, plan, RouterMode::reinitialised, 2).weight);
  plan.layer = 2;
  EXPECT_FALSE(a == pruned_router(before, plan, RouterMode::reinitialised, 1).weight);
}

// Four tokens, top 2 of 4 experts, by hand. Token choices: {0,1}, {0,2}, {3,1}, {2,0}.
const std::vector<float> kLogits = {9, 8, 1, 0,  //
                                    9, 1, 8, 0,  //
                                    1, 8, 0, 9,  //
                                    8, 0, 9, 1};

TEST(Histogram, MergedLogitsCountsATokenOncePerMergedExpert) {
  const RoutingHistogram h =
      histogram_from_logits(kLogits.data(), 4, 2, {}, {}, two_of_four(), RouterMode::merged_logits);
  // Token 0: both; 1: {0,2} twice = once; 2: {1,3} once; 3: {0,2} once.
  EXPECT_EQ(h.pairs, (std::vector<std::int64_t>{2, 3}));
  EXPECT_DOUBLE_EQ(h.effective_top_k, 5.0 / 4.0);
  EXPECT_EQ(h.basis, RoutingHistogram::Basis::measured);
}

TEST(Histogram, SlicedChoosesAmongTheKept) {
  LayerPlan plan{.layer = 0, .experts = 4};
  for (const std::int32_t e : {0, 1, 3}) {
    plan.kept.push_back({e, {e}, {1.0}});
  }
  const RoutingHistogram h =
      histogram_from_logits(kLogits.data(), 4, 2, {}, {}, plan, RouterMode::sliced);
  // Without expert 2: {0,1}, {0,1}, {3,1}, {0,3}.
  EXPECT_EQ(h.pairs, (std::vector<std::int64_t>{3, 3, 2}));
  EXPECT_DOUBLE_EQ(h.effective_top_k, 2.0);
}

TEST(Histogram, ReinitialisedIsAssumedEqual) {
  const RoutingHistogram h =
      histogram_from_logits(kLogits.data(), 4, 2, {}, {}, two_of_four(), RouterMode::reinitialised);
  EXPECT_EQ(h.pairs, (std::vector<std::int64_t>{4, 4}));  // 4 tokens x 2 pairs over 2 experts
  EXPECT_EQ(h.basis, RoutingHistogram::Basis::assumed);
}

// The model behind histogram_from_counts draws experts independently, so on such tokens both agree:
// of top 1, merged counts are the members' sums exactly.
TEST(Histogram, CountsOfTopOneAddUp) {
  SplitMix random(43);
  const LayerInput input = layer_of_logits(planted_logits(999, 4, 4, 0.1, random), 4, 1);
  const auto& s = input.statistics;
  const RoutingHistogram h = histogram_from_counts(s, 1, two_of_four(), RouterMode::merged_logits);
  EXPECT_EQ(h.pairs[0], s.selected[1] + s.selected[3]);
  EXPECT_EQ(h.pairs[1], s.selected[0] + s.selected[2]);
}

}  // namespace
}  // namespace moeplan::models
