// Is the problem what it says: seeded, with the Bayes limit it states, and with regimes that
// differ?
#include "models/laboratory/problem.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moeplan::models {
namespace {

ProblemShape with_noise(double label_noise, double context_noise) {
  ProblemShape shape;
  shape.label_noise = label_noise;
  shape.context_noise = context_noise;
  return shape;
}

TEST(RegimeProblem, IsAFunctionOfSeedTaskAndStream) {
  const RegimeProblem a({}, 7);
  const RegimeProblem b({}, 7);
  const Samples first = a.draw(1, 5, 50);
  EXPECT_TRUE(first.inputs == b.draw(1, 5, 50).inputs);
  EXPECT_EQ(first.labels, b.draw(1, 5, 50).labels);
  EXPECT_FALSE(first.inputs == a.draw(1, 6, 50).inputs);
  EXPECT_FALSE(first.inputs == a.draw(2, 5, 50).inputs);
  EXPECT_FALSE(first.inputs == RegimeProblem({}, 8).draw(1, 5, 50).inputs);
  // More samples of the same stream begin with the same ones.
  EXPECT_TRUE(a.draw(1, 5, 80).inputs.topRows(50) == first.inputs);
}

// A context without noise names the regime, so only the labels' noise is left: accuracy 1 - noise.
// 20,000 samples: standard error sqrt(0.2 x 0.8 / 20000) = 0.0028.
TEST(RegimeProblem, BayesLimitIsTheLabelNoiseWhenTheContextIsClear) {
  const RegimeProblem clear(with_noise(0.2, 1e-3), 3);
  EXPECT_NEAR(clear.bayes_accuracy(0, clear.draw(0, 1, 20'000)), 0.8, 3 * 0.0028);
  const RegimeProblem certain(with_noise(0.0, 1e-3), 3);
  EXPECT_EQ(certain.bayes_accuracy(std::nullopt, certain.draw(std::nullopt, 1, 2'000)), 1.0);
}

// Contexts that say nothing leave a mixture of teachers: the limit falls, and stays above chance.
TEST(RegimeProblem, BayesLimitFallsWithTheContextsNoise) {
  const RegimeProblem blurred(with_noise(0.0, 50.0), 3);
  const double limit = blurred.bayes_accuracy(std::nullopt, blurred.draw(std::nullopt, 1, 4'000));
  EXPECT_LT(limit, 0.6);
  EXPECT_GT(limit, 1.0 / 4.0);
}

TEST(RegimeProblem, TasksFavourRegimes) {
  ProblemShape shape;
  const RegimeProblem problem(shape, 1);
  const auto& weights = problem.weights(0);
  EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1.0, 1e-12);
  EXPECT_GT(*std::max_element(weights.begin(), weights.end()), 3.0 / 32.0);
  EXPECT_EQ(problem.weights(std::nullopt)[5], 1.0 / 32.0);
  shape.task_focus = 0.0;
  EXPECT_NEAR(RegimeProblem(shape, 1).weights(2)[9], 1.0 / 32.0, 1e-15);
}

TEST(RegimeProblem, RefusesShapesWithoutAQuestion) {
  ProblemShape shape;
  shape.classes = 1;
  EXPECT_THROW(RegimeProblem(shape, 1), std::logic_error);
  EXPECT_THROW(RegimeProblem({}, 1).draw(3, 1, 10), std::logic_error);  // three tasks: 0 to 2
}

}  // namespace
}  // namespace moeplan::models
