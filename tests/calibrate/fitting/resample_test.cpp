// The ensemble of a fit: how far it moves when other launches and points had been drawn.
#include "calibrate/fitting/resample.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "calibrate/fitting/family.hpp"

namespace moeplan::calibrate {
namespace {

// t = a x for 40 rows; in launch l everything takes exp(effects[l]) as long.
FitProblem straight(const std::vector<double>& effects) {
  FitProblem problem;
  problem.parameters = {{"slope_s", 1.0, 1.0}};
  for (int i = 1; i <= 40; ++i) {
    std::vector<double> launches;
    for (const double effect : effects) {
      launches.push_back(2.0 * i * std::exp(effect));
    }
    problem.launches.push_back(launches);
    problem.seconds.push_back(2.0 * i);
  }
  problem.law = [](std::span<const double> theta, std::size_t row) {
    return theta[0] * static_cast<double>(row + 1);
  };
  return problem;
}

double sd(const std::vector<std::vector<double>>& members) {
  double mean = 0.0;
  double squares = 0.0;
  for (const auto& member : members) {
    mean += member[0] / static_cast<double>(members.size());
    squares += member[0] * member[0] / static_cast<double>(members.size());
  }
  return std::sqrt(std::max(0.0, squares - mean * mean));
}

// The median of three launches drawn from -e, 0, e: 0 in 13 of 27 draws (all orders with the middle
// one at 0), else -e or e: a standard deviation of e sqrt(14/27) = 0.72 e, however many rows.
TEST(Resample, SpreadsAsMuchAsLaunchesDo) {
  for (const double effect : {0.02, 0.1}) {
    const FitProblem problem = straight({-effect, 0.0, effect});
    const auto members = resample(problem, fit(problem));
    ASSERT_EQ(members.size(), static_cast<std::size_t>(kMembers));
    // 64 members: a standard error of 9 %.
    EXPECT_NEAR(sd(members) / (effect * std::sqrt(14.0 / 27.0)), 1.0, 0.27);
  }
}

TEST(Resample, EqualLaunchesOfAnExactLawDoNotMoveIt) {
  const FitProblem problem = straight({0.0, 0.0, 0.0});
  for (const auto& member : resample(problem, fit(problem))) {
    EXPECT_NEAR(member[0], 0.0, 1e-5);
  }
}

TEST(Resample, NothingWithoutLaunches) {
  FitProblem problem = straight({0.0});
  EXPECT_TRUE(resample(problem, fit(problem)).empty()) << "one launch";
  problem.launches.clear();
  const FitOutcome outcome = fit(problem);
  EXPECT_TRUE(resample(problem, outcome).empty());
  EXPECT_TRUE(law_from(problem, outcome).ensemble.empty());
}

TEST(Resample, IsTheSameEveryTimeAndGoesIntoTheLaw) {
  const FitProblem problem = straight({-0.05, 0.0, 0.05});
  const FitOutcome outcome = fit(problem);
  EXPECT_EQ(resample(problem, outcome), resample(problem, outcome));
  EXPECT_EQ(law_from(problem, outcome).ensemble, resample(problem, outcome));
}

}  // namespace
}  // namespace moeplan::calibrate
