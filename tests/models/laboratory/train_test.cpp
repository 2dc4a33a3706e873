// Does training learn what can be learnt, the same way every time, and only what it is told to?
#include "models/laboratory/train.hpp"

#include <gtest/gtest.h>

namespace moeplan::models {
namespace {

ProblemShape two_regimes() {
  ProblemShape shape;
  shape.families = 2;
  shape.variants = 1;
  shape.tasks = 1;
  shape.task_turn = 0.0;
  return shape;
}

Network fresh(const RegimeProblem& problem, std::int64_t experts) {
  return random_network({.hidden = problem.shape().inputs(),
                         .intermediate = 16,
                         .classes = problem.shape().classes,
                         .layers = 1,
                         .experts = experts},
                        3);
}

constexpr Schedule kShort{
    .steps = 400, .batch = 128, .rate = 1e-2, .rules = {.capacity_factor = 1.2, .balance = 0.01}};

// Limit about 0.95 (label noise 0.05); chance is 0.25.
TEST(Training, ComesNearTheBayesLimit) {
  const RegimeProblem problem(two_regimes(), 4);
  const Samples test = problem.draw(std::nullopt, 99, 3000);
  Network network = fresh(problem, 2);
  EXPECT_LT(accuracy(network, test), 0.5);
  int steps = 0;
  pretrain(network, problem, kShort, 1, [&] { ++steps; });
  EXPECT_EQ(steps, 400);
  const double limit = problem.bayes_accuracy(std::nullopt, test);
  EXPECT_GT(accuracy(network, test), limit - 0.12);
  EXPECT_LE(accuracy(network, test), limit + 0.02);
}

TEST(Training, IsDeterministic) {
  const RegimeProblem problem(two_regimes(), 4);
  Network a = fresh(problem, 4);
  Network b = fresh(problem, 4);
  Schedule schedule = kShort;
  schedule.steps = 20;
  pretrain(a, problem, schedule, 1, [] {});
  pretrain(b, problem, schedule, 1, [] {});
  EXPECT_TRUE(a.head == b.head);
  EXPECT_TRUE(a.layers[0].experts[3].out == b.layers[0].experts[3].out);
}

TEST(Training, RoutersAloneLeaveTheRest) {
  const RegimeProblem problem(two_regimes(), 4);
  const Samples samples = problem.draw(0, 1, 500);
  Network network = fresh(problem, 4);
  const Network before = network;
  Schedule schedule = kShort;
  schedule.steps = 10;
  schedule.routers_only = true;
  fine_tune(network, samples, schedule, 1, [] {});
  EXPECT_FALSE(network.layers[0].router == before.layers[0].router);
  EXPECT_TRUE(network.layers[0].experts[0].in == before.layers[0].experts[0].in);
  EXPECT_TRUE(network.head == before.head);
  EXPECT_TRUE(network.layers[0].norm == before.layers[0].norm);
}

TEST(Training, EndsByAnException) {
  const RegimeProblem problem(two_regimes(), 4);
  Network network = fresh(problem, 2);
  int steps = 0;
  const auto stop = [&] {
    if (++steps == 3) {
      throw std::runtime_error("stop");
    }
  };
  EXPECT_THROW(pretrain(network, problem, kShort, 1, stop), std::runtime_error);
}

// Statistics are those of the logits, and hold by the checks that `moeplan prune` makes.
TEST(RouterData, StatisticsAreThoseOfTheLogits) {
  const RegimeProblem problem(two_regimes(), 4);
  const Samples samples = problem.draw(0, 1, 1500);
  const Network network = fresh(problem, 4);
  const RouterStatistics found = router_statistics(network, samples).at(0);
  EXPECT_FALSE(problem_of(found, 4, 1));
  const FloatMatrix logits = router_logits(network, samples).at(0);
  EXPECT_EQ(logits.rows(), 1500);
  const Eigen::MatrixXd wide = logits.cast<double>();
  EXPECT_TRUE(found.gram.isApprox(wide.transpose() * wide, 1e-5));
  double norms = 0.0;
  for (const double sum : found.gated_norm_sum) {
    norms += sum;
  }
  EXPECT_GT(norms, 0.0);
}

}  // namespace
}  // namespace moeplan::models
