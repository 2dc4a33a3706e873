// Gradients against finite differences; routing, capacity and the balance loss against small cases.
#include "models/laboratory/network.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "models/routing/split_mix.hpp"

namespace moeplan::models {
namespace {

constexpr NetworkShape kShape{
    .hidden = 6, .intermediate = 5, .classes = 3, .layers = 2, .experts = 4};

struct Batch {
  FloatMatrix inputs;
  std::vector<std::int32_t> labels;
};

Batch batch(std::int64_t tokens, std::uint64_t seed) {
  SplitMix random(seed);
  Batch made{normal_matrix(random, tokens, kShape.hidden, 1.0), {}};
  for (std::int64_t t = 0; t < tokens; ++t) {
    made.labels.push_back(static_cast<std::int32_t>(t % kShape.classes));
  }
  return made;
}

// Larger routers than random_network's: their gradients matter.
Network network(std::uint64_t seed) {
  Network made = random_network(kShape, seed);
  for (SmoeLayer& layer : made.layers) {
    layer.router *= 20.0f;
  }
  return made;
}

double loss_of(const Network& net, const Batch& data, const RoutingRules& rules) {
  Pass pass;
  Network unused = zeros_like(net);
  forward(net, data.inputs, rules, pass);
  return backward(net, pass, data.labels, rules, unused);
}

// Along its own gradient g of one group of parameters the loss rises by |g| per unit of length:
//   (loss(p + h g/|g|) - loss(p - h g/|g|)) / 2h = |g|.
// h 2e-3 in float: rounding 1e-7 / 4e-3, curvature h^2; 1 % holds for every group, and a wrong term
// in any formula is off by more.
void expect_gradient(const RoutingRules& rules, std::uint64_t seed) {
  Network net = network(seed);
  const Batch data = batch(24, seed + 1);
  Pass pass;
  Network gradient = zeros_like(net);
  forward(net, data.inputs, rules, pass);
  backward(net, pass, data.labels, rules, gradient);
  const auto weights = parameters(net);
  const auto slopes = parameters(gradient);
  int checked = 0;
  for (std::size_t group = 0; group < weights.size(); ++group) {
    double norm = 0.0;
    for (const float slope : slopes[group]) {
      norm += static_cast<double>(slope) * static_cast<double>(slope);
    }
    norm = std::sqrt(norm);
    if (norm < 1e-3) {
      continue;  // an expert with hardly a token
    }
    ++checked;
    const double h = 2e-3;
    const auto moved = [&](double length) {
      Network other = net;
      const auto numbers = parameters(other)[group];
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] += static_cast<float>(length * static_cast<double>(slopes[group][i]) / norm);
      }
      return loss_of(other, data, rules);
    };
    EXPECT_NEAR((moved(h) - moved(-h)) / (2 * h), norm, 0.01 * norm + 1e-4) << "group " << group;
  }
  EXPECT_GE(checked, 20);  // of 2 x (2 + 3 x 4) + 2
}

TEST(Gradient, AgreesWithFiniteDifferences) { expect_gradient({}, 11); }

TEST(Gradient, WithTheBalanceLoss) { expect_gradient({.balance = 0.5}, 12); }

TEST(Gradient, WithDroppedTokens) { expect_gradient({.capacity_factor = 1.0, .balance = 0.1}, 13); }

// Every token's favourite is expert 0: it takes max(4, ceil(1.2 x 20 / 4)) = 6, 14 are dropped.
TEST(Routing, CapacityDropsTheLastTokens) {
  Network net = network(1);
  net.layers.resize(1);
  net.layers[0].router.setZero();
  const Batch data = batch(20, 2);
  Pass pass;
  forward(net, data.inputs, {.capacity_factor = 1.2}, pass);
  EXPECT_EQ(pass.layers[0].experts[0].tokens.size(), 6u);
  EXPECT_EQ(pass.layers[0].experts[0].tokens.back(), 5);
  EXPECT_EQ(pass.layers[0].dropped, 14);
  EXPECT_TRUE(pass.hidden.row(19) == data.inputs.row(19));  // passes the layer by
  EXPECT_FALSE(pass.hidden.row(0) == data.inputs.row(0));
  forward(net, data.inputs, {}, pass);
  EXPECT_EQ(pass.layers[0].dropped, 0);
  // At least 4: ceil(1.2 x 8 / 4) = 3.
  forward(net, data.inputs.topRows(8), {.capacity_factor = 1.2}, pass);
  EXPECT_EQ(pass.layers[0].experts[0].tokens.size(), 4u);
}

// Equal logits: probability 1/4 each, so the expert's output counts a quarter.
TEST(Routing, TheProbabilityIsTheFactor) {
  Network net = network(1);
  net.layers.resize(1);
  net.layers[0].router.setZero();
  const Batch data = batch(3, 2);
  Pass pass;
  forward(net, data.inputs, {}, pass);
  const FloatMatrix added = pass.hidden - data.inputs;
  EXPECT_TRUE(added.isApprox(0.25f * pass.layers[0].experts[0].y, 1e-5f));
}

// alpha x experts x sum f P: with one favourite and equal probabilities 4 x (1 x 1/4) = 1 per
// layer, which is also the smallest value there is for balanced experts.
TEST(Routing, BalanceLossOfEqualProbabilitiesIsAlpha) {
  Network net = network(1);
  for (SmoeLayer& layer : net.layers) {
    layer.router.setZero();
  }
  const Batch data = batch(16, 2);
  EXPECT_NEAR(loss_of(net, data, {.balance = 0.3}) - loss_of(net, data, {}), 2 * 0.3, 1e-5);
}

// One expert: the router says 1, whatever its weights.
TEST(Routing, OneExpertIsADenseNetwork) {
  NetworkShape shape = kShape;
  shape.experts = 1;
  Network net = random_network(shape, 5);
  const Batch data = batch(9, 6);
  Pass first;
  Pass second;
  forward(net, data.inputs, {.capacity_factor = 1.2}, first);
  net.layers[1].router *= 7.0f;
  forward(net, data.inputs, {}, second);
  EXPECT_TRUE(first.logits == second.logits);
  EXPECT_EQ(first.layers[0].dropped, 0);
}

TEST(Network, CountsItsParameters) {
  // Per layer 6 + 4 x 6 + 4 x 3 x 5 x 6 = 390; last norm 6; head 18.
  EXPECT_EQ(parameter_count(network(1)), 2 * 390 + 24);
}

}  // namespace
}  // namespace moeplan::models
