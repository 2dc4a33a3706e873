// Is a model's routing pruned once per count, layer by layer, and does the report say what became
// of the routers? (serving.md 4)
#include "models/routing/routed_model.hpp"

#include <gtest/gtest.h>

namespace moeplan::models {
namespace {

std::vector<RoutedLayer> layers(std::int64_t experts, std::int64_t top_k, GateRule gates = {}) {
  return {{.index = 1, .experts = experts, .top_k = top_k, .gates = gates},
          {.index = 3, .experts = experts, .top_k = top_k, .gates = gates}};
}

TEST(RoutedModel, PreparesEveryCountOnceAndSharesIt) {
  const auto all = layers(16, 2);
  const RoutedModel model(all, ModelRouting::dirichlet(all, 0.5, 1), RouterMode::sliced, {16, 8});
  EXPECT_EQ(model.at(8), model.at(8)) << "the same object for every design";
  EXPECT_EQ(model.at(16)->routing.shared(0), model.unpruned().shared(0)) << "nothing pruned";
  EXPECT_FALSE(model.at(16)->effect);
  EXPECT_NE(model.at(8)->routing.shared(0), model.at(8)->routing.shared(1));
  EXPECT_EQ(model.at(4)->routing.layer(0).experts(), 4) << "not prepared, worked out now";
}

TEST(RoutedModel, EffectIsOfTheLayerThatChangesMost) {
  // Layer 1 uniform, layer 3 with weights 4, 3, 2, 1 (top 1): slicing to two scales an output that
  // is not normalised by 10/7 there, by 2 in the uniform layer: 4 / 2 of its columns.
  auto all = layers(4, 1, {.softmax = true, .normalised = false});
  const ModelRouting routing(
      {std::make_shared<const Routing>(Routing::uniform(4, 1)),
       std::make_shared<const Routing>(Routing::from_inclusion({0.4, 0.3, 0.2, 0.1}, 1))});
  const auto sliced = RoutedModel(all, routing, RouterMode::sliced, {2}).at(2)->effect;
  ASSERT_TRUE(sliced);
  EXPECT_NEAR(*sliced->output_scale, 2.0, 1e-12);
  EXPECT_TRUE(sliced->scales_output());
  EXPECT_FALSE(sliced->loses_experts());
  // Skew: 1 and 1.6 unpruned; 1 and (4/7) x 2 sliced.
  EXPECT_NEAR(sliced->unpruned.median, 1.3, 1e-9);
  EXPECT_NEAR(sliced->unpruned.worst, 1.6, 1e-9);
  EXPECT_NEAR(sliced->pruned.worst, 8.0 / 7.0, 1e-9);
  all[0].gates.normalised = all[1].gates.normalised = true;
  EXPECT_EQ(RoutedModel(all, routing, RouterMode::sliced, {2}).at(2)->effect->output_scale, 1.0);
  EXPECT_FALSE(
      RoutedModel(all, routing, RouterMode::reinitialised, {2}).at(2)->effect->output_scale);
}

TEST(RoutedModel, MergingCountsTheExpertsThatCoincide) {
  // 4 experts, top 2, merged in twos: 5/3 different ones (router_mode_test.cpp).
  const auto all = layers(4, 2);
  const auto effect =
      RoutedModel(all, ModelRouting::uniform(all), RouterMode::merged_logits, {2}).at(2)->effect;
  ASSERT_TRUE(effect);
  EXPECT_NEAR(effect->effective_top_k, 5.0 / 3.0, 1e-9);
  EXPECT_TRUE(effect->loses_experts());
  EXPECT_FALSE(effect->scales_output());
}

TEST(RoutedModel, GroupsKeepEquallyManyExperts) {
  auto all = layers(8, 2);
  all[0].limit = all[1].limit = {.groups = 2, .kept = 1};
  // All popular experts are in the first group: still, two of each stay.
  const ModelRouting routing(std::vector<std::shared_ptr<const Routing>>(
      2, std::make_shared<const Routing>(
             Routing::from_inclusion({0.4, 0.4, 0.4, 0.4, 0.1, 0.1, 0.1, 0.1}, 2))));
  const RoutedModel model(all, routing, RouterMode::sliced, {4, 3});
  const Routing& pruned = model.at(4)->routing.layer(0);
  EXPECT_GT(pruned.inclusion()[1], 2.0 * pruned.inclusion()[2]);
  EXPECT_THROW(model.at(3), std::logic_error) << "3 experts do not divide into 2 groups";
}

}  // namespace
}  // namespace moeplan::models
