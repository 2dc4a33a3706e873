// Dirichlet popularity: moments of the distribution, and that a draw is a function of its seed.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "models/routing/model_routing.hpp"

namespace moeplan::models {
namespace {

// top_k 1: inclusion is the share itself.
TEST(Dirichlet, SharesHaveTheVarianceOfTheDistribution) {
  // E[share^2] = (a + 1) / (E (E a + 1)): 16 experts, mean over experts and 2000 layers. The
  // relative standard error of that mean is below 2 % for a = 0.1 (a share^2 is at most 1 and has
  // mean 0.0264, so its variance is below 0.0264; experts of a layer are negatively correlated:
  // sqrt(0.0264 / 32000) / 0.0264 = 3.4 %); 5 standard errors at most.
  for (const double a : {0.1, 1.0, 10.0}) {
    double squares = 0.0;
    constexpr int kLayers = 2000;
    for (int layer = 0; layer < kLayers; ++layer) {
      const Routing routing = Routing::dirichlet(16, 1, a, 7, layer);
      double sum = 0.0;
      for (const double share : routing.inclusion()) {
        sum += share;
        squares += share * share;
      }
      ASSERT_NEAR(sum, 1.0, 1e-12);
    }
    const double expected = (a + 1.0) / (16.0 * (16.0 * a + 1.0));
    EXPECT_NEAR(squares / (16.0 * kLayers) / expected, 1.0, a < 1.0 ? 0.1 : 0.03) << a;
  }
}

TEST(Dirichlet, TwoExpertsOfConcentrationOneShareUniformly) {
  // Beta(1, 1) is uniform on 0..1: a quarter of 4000 draws below each quartile, within 4 standard
  // errors sqrt(0.25 x 0.75 / 4000) = 0.7 %.
  std::array<int, 4> quarter{};
  for (int layer = 0; layer < 4000; ++layer) {
    const double share = Routing::dirichlet(2, 1, 1.0, 3, layer).inclusion()[0];
    ++quarter[std::min<std::size_t>(3, static_cast<std::size_t>(share * 4.0))];
  }
  for (const int count : quarter) {
    EXPECT_NEAR(count / 4000.0, 0.25, 4 * 0.0069);
  }
}

TEST(Dirichlet, IsAFunctionOfSeedAndLayer) {
  const Routing one = Routing::dirichlet(64, 4, 0.5, 1, 3);
  EXPECT_EQ(one.inclusion(), Routing::dirichlet(64, 4, 0.5, 1, 3).inclusion());
  EXPECT_NE(one.inclusion(), Routing::dirichlet(64, 4, 0.5, 1, 4).inclusion());
  EXPECT_NE(one.inclusion(), Routing::dirichlet(64, 4, 0.5, 2, 3).inclusion());
}

TEST(Dirichlet, ManyTendToUniformFewToOne) {
  // Standard deviation of a share at a = 1e6: 1 / sqrt(1e6) of the mean; 5 of them.
  EXPECT_LT(Routing::dirichlet(64, 1, 1e6, 1, 0).skew(), 1.005);
  // At a = 0.01 the largest of 64 shares has most of the weight: skew near 64 for top 1, and it can
  // never pass experts / top_k.
  EXPECT_GT(Routing::dirichlet(64, 1, 0.01, 1, 0).skew(), 16.0);
  for (int layer = 0; layer < 20; ++layer) {
    const Routing routing = Routing::dirichlet(64, 4, 0.01, 1, layer);
    EXPECT_LE(routing.skew(), 64.0 / 4.0 * (1.0 + 1e-9));
    EXPECT_NEAR(routing.effective_top_k(), 4.0, 1e-7);
  }
}

TEST(Dirichlet, RefusesWhatIsNoConcentration) {
  EXPECT_THROW(Routing::dirichlet(8, 2, 0.0, 1, 0), std::logic_error);
  EXPECT_THROW(Routing::dirichlet(8, 2, std::nan(""), 1, 0), std::logic_error);
  EXPECT_THROW(Routing::dirichlet(8, 9, 1.0, 1, 0), std::logic_error);
}

TEST(ModelRouting, LayersThatAreAlikeAreShared) {
  const std::vector<RoutedLayer> layers = {{1, 16, 2}, {2, 16, 2}, {3, 8, 2}};
  const ModelRouting power = ModelRouting::power_law(layers, 1.0);
  EXPECT_EQ(power.kinds(), (std::vector<std::size_t>{0, 0, 1}));
  EXPECT_EQ(power.pruned(RouterMode::sliced, 8).kinds(), (std::vector<std::size_t>{0, 0, 1}));
  EXPECT_EQ(power.pruned(RouterMode::sliced, 8).layer(1).experts(), 8);
  EXPECT_EQ(power.pruned(RouterMode::sliced, 8).shared(2), power.shared(2));  // has 8 already
  const ModelRouting drawn = ModelRouting::dirichlet(layers, 1.0, 5);
  EXPECT_EQ(drawn.kinds(), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(drawn.layer(1).inclusion(), Routing::dirichlet(16, 2, 1.0, 5, 2).inclusion());
}

TEST(ModelRouting, SkewOverLayers) {
  // Busiest over mean: 0.9 x 4 / 2 = 1.8, 1 x 4 / 2 = 2, and 1 for uniform. Median 1.8.
  const auto shared = [](std::vector<double> q) {
    return std::make_shared<const Routing>(Routing::from_inclusion(std::move(q), 2));
  };
  const SkewStatistics skew = skew_statistics(ModelRouting(
      {shared({0.9, 0.5, 0.4, 0.2}), shared({0.5, 0.5, 0.5, 0.5}), shared({0.2, 0.3, 0.5, 1.0})}));
  EXPECT_NEAR(skew.median, 1.8, 1e-9);
  EXPECT_NEAR(skew.worst, 2.0, 1e-9);
  EXPECT_EQ(skew.worst_layer, 2u);
  EXPECT_THROW(skew_statistics(ModelRouting()), std::logic_error);
}

}  // namespace
}  // namespace moeplan::models
