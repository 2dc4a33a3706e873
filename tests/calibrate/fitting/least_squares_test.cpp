#include "calibrate/fitting/least_squares.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "calibrate/fitting/statistics.hpp"

namespace moeplan {
namespace {

using calibrate::fit;
using calibrate::FitOutcome;
using calibrate::FitProblem;

// a + b x at x = 1, 2, 4, ...; noise: every other row off by the factor.
FitProblem line(double a, double b, double factor, std::vector<double>& x) {
  x.clear();
  FitProblem problem;
  problem.parameters = {{"a", 1.0, 1.0}, {"b", 1.0, 0.0}};
  for (int i = 0; i < 12; ++i) {
    x.push_back(std::pow(2.0, i));
    problem.seconds.push_back((a + b * x.back()) * (i % 2 == 0 ? factor : 1.0 / factor));
  }
  problem.law = [&x](std::span<const double> v, std::size_t i) { return v[0] + v[1] * x[i]; };
  return problem;
}

TEST(LeastSquares, RecoversPlantedParametersExactly) {
  std::vector<double> x;
  const FitOutcome found = fit(line(3.0, 0.25, 1.0, x));
  EXPECT_NEAR(found.theta[0], 3.0, 1e-5);
  EXPECT_NEAR(found.theta[1], 0.25, 1e-6);
  EXPECT_TRUE(found.determined[0] && found.determined[1]);
}

TEST(LeastSquares, RecoversThemThroughNoise) {
  std::vector<double> x;
  const FitOutcome found = fit(line(3.0, 0.25, 1.03, x));
  EXPECT_NEAR(found.theta[0], 3.0, 0.1);
  EXPECT_NEAR(found.theta[1], 0.25, 0.01);
  ASSERT_EQ(found.covariance.size(), 2u);
  const double sd = std::sqrt(found.covariance[0][0]);
  EXPECT_GT(sd, 0.005);
  EXPECT_LT(sd, 0.05);
}

TEST(LeastSquares, OneOutlierMovesLittle) {
  std::vector<double> x;
  FitProblem problem = line(3.0, 0.25, 1.0, x);
  problem.seconds[5] *= 20.0;
  const FitOutcome found = fit(problem);
  EXPECT_NEAR(found.theta[0], 3.0, 0.2);
  EXPECT_NEAR(found.theta[1], 0.25, 0.02);
}

TEST(LeastSquares, SwitchesOffWhatTheRowsDoNotDetermine) {
  std::vector<double> x;
  FitProblem problem = line(3.0, 0.25, 1.01, x);
  problem.parameters.push_back({"unused", 5.0, 0.0});
  const FitOutcome unused = fit(problem);
  EXPECT_FALSE(unused.determined[2]);
  EXPECT_EQ(unused.theta[2], 0.0);
  EXPECT_EQ(unused.covariance.size(), 2u);
  // A slope of zero runs to ever smaller values: off.
  const FitOutcome flat = fit(line(3.0, 0.0, 1.001, x));
  EXPECT_FALSE(flat.determined[1]);
  EXPECT_NEAR(flat.theta[0], 3.0, 0.01);
}

TEST(LeastSquares, IsTheSameEveryTime) {
  std::vector<double> x;
  const FitProblem problem = line(3.0, 0.25, 1.05, x);
  EXPECT_EQ(fit(problem).theta, fit(problem).theta);
}

TEST(LeastSquares, NeedsAsManyRowsAsParameters) {
  std::vector<double> x;
  FitProblem problem = line(3.0, 0.25, 1.0, x);
  problem.seconds.resize(1);
  EXPECT_THROW(fit(problem), std::logic_error);
}

TEST(SixDigits, RoundsAndStays) {
  EXPECT_DOUBLE_EQ(calibrate::six_digits(1.23456789e12), 1.23457e12);
  EXPECT_EQ(calibrate::six_digits(calibrate::six_digits(0.1 / 3)), calibrate::six_digits(0.1 / 3));
  EXPECT_EQ(calibrate::six_digits(0.0), 0.0);
}

TEST(Statistics, QuantilesInterpolate) {
  EXPECT_DOUBLE_EQ(calibrate::quantile({4.0, 1.0, 2.0, 3.0}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(calibrate::quantile({1.0, 2.0}, 0.9), 1.9);
  EXPECT_THROW(calibrate::quantile({}, 0.5), std::logic_error);
  const auto errors = calibrate::summarize({1.1, 0.8, 1.0}, {1.0, 1.0, 1.0});
  EXPECT_NEAR(errors.median_abs, 0.1, 1e-12);
  EXPECT_NEAR(errors.max_abs, 0.2, 1e-12);
  EXPECT_NEAR(errors.bias, 0.0, 1e-12);
}

}  // namespace
}  // namespace moeplan
