// Does each method keep the experts its definition says, and is what cannot be planned refused?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/pruning/plan_pruning.hpp"
#include "tests/models/pruning/planted.hpp"

namespace moeplan::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A layer whose counts are given; its logits are planted in two clusters, even and odd experts.
LayerInput counted_layer(std::vector<std::int64_t> selected, std::int64_t top_k = 1,
                         std::int64_t layer = 0) {
  SplitMix random(31);
  const auto experts = static_cast<std::int64_t>(selected.size());
  LayerInput input = layer_of_logits(planted_logits(500, experts, 2, 0.3, random), experts, top_k);
  input.layer = layer;
  RouterStatistics& s = input.statistics;
  std::int64_t pairs = 0;
  for (const std::int64_t count : selected) {
    pairs += count;
  }
  const double scale = static_cast<double>(pairs / top_k) / static_cast<double>(s.tokens);
  s.tokens = pairs / top_k;
  s.gram *= scale;
  for (double& sum : s.logit_sum) {
    sum *= scale;
  }
  s.selected = std::move(selected);
  return input;
}

std::vector<std::int32_t> anchors(const LayerPlan& plan) {
  std::vector<std::int32_t> ids;
  for (const KeptExpert& kept : plan.kept) {
    ids.push_back(kept.anchor);
  }
  return ids;
}

PruningPlan plan_of(const std::vector<LayerInput>& layers, PruningMethod method, std::int64_t kept,
                    Budget budget = Budget::uniform, RouterMode router = RouterMode::sliced) {
  return plan_pruning(layers, {.method = method, .kept = kept, .budget = budget, .router = router});
}

TEST(Methods, FrequencyKeepsTheMostSelected) {
  const auto plan = plan_of({counted_layer({5, 40, 10, 30, 10, 5})}, PruningMethod::frequency, 3);
  // 40, 30, then a tie of 10 between experts 2 and 4: the lower id.
  EXPECT_THAT(anchors(plan.layers[0]), ElementsAre(1, 2, 3));
  EXPECT_THAT(plan.layers[0].dropped(), ElementsAre(0, 4, 5));
}

TEST(Methods, ReapKeepsTheLargestMeanOfGatedNorms) {
  LayerInput input = counted_layer({10, 20, 30, 40});
  EXPECT_THROW(plan_of({input}, PruningMethod::reap, 2), PruningError);
  input.statistics.gated_norm_sum = {30.0, 20.0, 90.0, 40.0};  // means 3, 1, 3, 1
  EXPECT_THAT(anchors(plan_of({input}, PruningMethod::reap, 2).layers[0]), ElementsAre(0, 2));
}

TEST(Methods, FrequencyMergeJoinsTheMostSimilarAnchor) {
  // Anchors 0 (even cluster) and 3 (odd); the others join the anchor of their own cluster.
  const auto plan =
      plan_of({counted_layer({50, 5, 10, 20, 10, 5})}, PruningMethod::frequency_merge, 2);
  const LayerPlan& layer = plan.layers[0];
  EXPECT_THAT(anchors(layer), ElementsAre(0, 3));
  EXPECT_THAT(layer.kept[0].members, ElementsAre(0, 2, 4));
  EXPECT_THAT(layer.kept[1].members, ElementsAre(1, 3, 5));
  EXPECT_DOUBLE_EQ(layer.kept[0].weights[0], 50.0 / 70.0);
  EXPECT_DOUBLE_EQ(layer.kept[1].weights[1], 20.0 / 30.0);
}

TEST(Methods, UncurlRecoversPlantedClustersAndTheirAnchors) {
  SplitMix random(32);
  const std::int64_t experts = 32, clusters = 8;
  const LayerInput input =
      layer_of_logits(planted_logits(4000, experts, clusters, 0.5, random), experts, 2);
  const auto plan = plan_of({input}, PruningMethod::uncurl, clusters);
  ASSERT_EQ(plan.layers[0].kept.size(), 8u);
  for (const KeptExpert& kept : plan.layers[0].kept) {
    ASSERT_EQ(kept.members.size(), 4u);
    double sum = 0.0;
    std::int64_t most = 0;
    for (const std::int32_t member : kept.members) {
      EXPECT_EQ(member % clusters, kept.anchor % clusters);
      most = std::max(most, input.statistics.selected[static_cast<std::size_t>(member)]);
      sum += static_cast<double>(input.statistics.selected[static_cast<std::size_t>(member)]);
    }
    EXPECT_EQ(input.statistics.selected[static_cast<std::size_t>(kept.anchor)], most);
    for (std::size_t m = 0; m < 4; ++m) {
      const auto e = static_cast<std::size_t>(kept.members[m]);
      EXPECT_DOUBLE_EQ(kept.weights[m], static_cast<double>(input.statistics.selected[e]) / sum);
    }
  }
  EXPECT_GT(plan.layers[0].spectral_gap.value(), 0.05);
}

TEST(Methods, KeepingAllIsTheIdentity) {
  for (const auto method : {PruningMethod::uncurl, PruningMethod::frequency,
                            PruningMethod::frequency_merge, PruningMethod::mc_smoe}) {
    const auto plan = plan_of({counted_layer({5, 40, 0, 30})}, method, 4);
    EXPECT_TRUE(plan.layers[0].unchanged());
    for (std::int32_t e = 0; e < 4; ++e) {
      EXPECT_THAT(plan.layers[0].kept[static_cast<std::size_t>(e)].members, ElementsAre(e));
    }
  }
}

TEST(Methods, RandomIsAFunctionOfTheSeed) {
  const std::vector<LayerInput> layers = {counted_layer(std::vector<std::int64_t>(64, 10))};
  const auto with_seed = [&](std::uint64_t seed) {
    return anchors(plan_pruning(layers, {.method = PruningMethod::random,
                                         .kept = 16,
                                         .router = RouterMode::sliced,
                                         .seed = seed})
                       .layers[0]);
  };
  EXPECT_EQ(with_seed(1), with_seed(1));
  EXPECT_NE(with_seed(1), with_seed(2));
}

// Shares of the busiest: layer 0 has 1, .1, .1, .1, layer 1 has 1, .9, .8, .7: of four to keep, one
// each is fixed (top_k), the others are the best: both of layer 1.
TEST(Budgets, GlobalGoesToTheDominantExpertsOfAllLayers) {
  const std::vector<LayerInput> layers = {counted_layer({100, 10, 10, 10}, 1, 3),
                                          counted_layer({100, 90, 80, 70}, 1, 5)};
  const auto plan = plan_of(layers, PruningMethod::mc_smoe, 2, Budget::global);
  EXPECT_THAT(anchors(plan.layers[0]), ElementsAre(0));
  EXPECT_THAT(anchors(plan.layers[1]), ElementsAre(0, 1, 2));
  EXPECT_EQ(plan.equal_count(), std::nullopt);
  EXPECT_EQ(plan.layers[1].layer, 5);
}

// 3 planted clusters in one layer, 9 in the other: 6 on average is 3 and 9.
TEST(Budgets, UncurlSharesByEigenvalues) {
  SplitMix random(33);
  const std::vector<LayerInput> layers = {
      layer_of_logits(planted_logits(3000, 18, 3, 0.3, random), 18, 2, 0),
      layer_of_logits(planted_logits(3000, 18, 9, 0.3, random), 18, 2, 1)};
  const auto plan = plan_of(layers, PruningMethod::uncurl, 6, Budget::global);
  EXPECT_EQ(plan.layers[0].kept.size(), 3u);
  EXPECT_EQ(plan.layers[1].kept.size(), 9u);
}

TEST(FirstLayerOption, KeepLeavesItAloneAndGreedyDrops) {
  SplitMix random(34);
  const std::vector<LayerInput> layers = {
      layer_of_logits(planted_logits(2000, 8, 4, 0.4, random), 8, 1, 0),
      layer_of_logits(planted_logits(2000, 8, 4, 0.4, random), 8, 1, 1)};
  PruningOptions options{.method = PruningMethod::uncurl, .kept = 4};
  options.first_layer = FirstLayer::keep;
  EXPECT_TRUE(plan_pruning(layers, options).layers[0].unchanged());
  EXPECT_EQ(plan_pruning(layers, options).layers[1].kept.size(), 4u);
  options.first_layer = FirstLayer::greedy;
  EXPECT_EQ(plan_pruning(layers, options).layers[0].dropped().size(), 4u);
  EXPECT_TRUE(plan_pruning(layers, options).layers[1].dropped().empty());
}

TEST(Groups, EveryGroupKeepsEquallyManyAndMergesWithinItself) {
  SplitMix random(35);
  LayerInput input = layer_of_logits(planted_logits(3000, 24, 3, 0.4, random), 24, 2);
  input.groups = 4;  // of six experts each
  for (const auto method :
       {PruningMethod::uncurl, PruningMethod::frequency, PruningMethod::frequency_merge}) {
    const auto plan = plan_of({input}, method, 12);
    for (std::size_t k = 0; k < 12; ++k) {
      for (const std::int32_t member : plan.layers[0].kept[k].members) {
        EXPECT_EQ(member / 6, static_cast<std::int32_t>(k / 3));
      }
    }
  }
  EXPECT_THROW(plan_of({input}, PruningMethod::uncurl, 10), PruningError);  // 4 does not divide 10
}

void expect_refused(const std::vector<LayerInput>& layers, const PruningOptions& options,
                    const std::string& part) {
  try {
    plan_pruning(layers, options);
    FAIL() << "accepted; expected: " << part;
  } catch (const PruningError& error) {
    EXPECT_THAT(error.what(), HasSubstr(part));
  }
}

TEST(Refusals, CountsThatCannotBe) {
  const std::vector<LayerInput> layers = {counted_layer({10, 20, 30, 40}, 2, 7)};
  const auto keep = [](std::int64_t kept) {
    return PruningOptions{
        .method = PruningMethod::frequency, .kept = kept, .router = RouterMode::sliced};
  };
  expect_refused(layers, keep(1), "layer 7: 1 experts to keep; of 4 experts a token chooses 2");
  expect_refused(layers, keep(5), "layer 7: 5 experts to keep");
  expect_refused({}, keep(2), "no MoE layer");
}

TEST(Refusals, ExpertsThatNoTokenChose) {
  // Only two experts are in use: three cannot be kept.
  expect_refused({counted_layer({60, 0, 40, 0})},
                 {.method = PruningMethod::frequency, .kept = 3, .router = RouterMode::sliced},
                 "no token chose");
  // The odd cluster was never chosen: nothing weighs its members.
  expect_refused({counted_layer({60, 0, 40, 0})}, {.method = PruningMethod::uncurl, .kept = 2},
                 "no token chose");
}

TEST(Refusals, FewerClustersThanAsked) {
  // Experts 0, 2, 4, 6 have the same logits, and so have 1, 3, 5, 7 but for a factor.
  std::vector<float> logits;
  SplitMix random(36);
  for (int t = 0; t < 400; ++t) {
    const float a = normal_number(random), b = normal_number(random);
    for (int e = 0; e < 8; ++e) {
      logits.push_back(e % 2 == 0 ? a : b);
    }
  }
  const LayerInput input = layer_of_logits(logits, 8, 1);
  PruningOptions options{.method = PruningMethod::uncurl, .kept = 2};
  LayerInput weighed = input;  // ties go to the lower id; give the others a share
  weighed.statistics.selected = {50, 50, 50, 50, 50, 50, 50, 50};
  EXPECT_NO_THROW(plan_pruning(std::vector<LayerInput>{weighed}, options));
}

TEST(Refusals, MergedLogitsNeedEveryExpertMerged) {
  expect_refused(
      {counted_layer({10, 20, 30, 40})},
      {.method = PruningMethod::frequency, .kept = 2, .router = RouterMode::merged_logits},
      "merged_logits");
}

TEST(Refusals, StatisticsThatDoNotFit) {
  LayerInput input = counted_layer({10, 20, 30, 40}, 1, 4);
  input.experts = 5;
  expect_refused({input}, {.method = PruningMethod::uncurl, .kept = 2},
                 "layer 4: the statistics are of 4 experts, the layer has 5");
}

}  // namespace
}  // namespace moeplan::models
