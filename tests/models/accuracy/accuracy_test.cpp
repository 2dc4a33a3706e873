// Curves with bands, and the threshold rules on small tables; the published tables are tested in
// tests/models/catalog, which loads them.
#include <gtest/gtest.h>

#include <cmath>

#include "models/accuracy/threshold.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::models {
namespace {

using moeplan::tests::expect_input_error;

AccuracyPoint point(std::int64_t kept, double value, std::optional<double> error = std::nullopt,
                    std::int64_t samples = 0) {
  return {kept, value, error, samples, "test"};
}

AccuracyCurve curve(std::vector<AccuracyPoint> points, std::int64_t pretrained = 8) {
  AccuracyDescription description;
  description.id = "test";
  description.pretrained_experts = pretrained;
  return AccuracyCurve(description, std::move(points));
}

TEST(Statistics, BinomialErrorAndNormalQuantile) {
  // sqrt(0.5 x 0.5 / 100) = 0.05; P(|N| <= 1.959964) = 0.95, P(|N| <= 1) = 0.682689.
  EXPECT_NEAR(binomial_standard_error(0.5, 100), 0.05, 1e-15);
  EXPECT_EQ(binomial_standard_error(1.0, 7), 0.0);
  EXPECT_NEAR(two_sided_quantile(0.95), 1.959964, 1e-6);
  EXPECT_NEAR(two_sided_quantile(0.6826894921370859), 1.0, 1e-9);
  EXPECT_THROW(binomial_standard_error(0.5, 0), std::logic_error);
  EXPECT_THROW(two_sided_quantile(1.0), std::logic_error);
}

TEST(Aggregate, IsTheWeightedMeanWithItsError) {
  // 0.25 x 0.8 + 0.75 x 0.4 = 0.5; errors 0.25 x sqrt(.16/100) = 0.01 and 0.75 x sqrt(.24/600) =
  // 0.015: together sqrt(0.0001 + 0.000225) = 0.018028.
  const std::vector<AccuracyTask> tasks = {{"a", 0.25, 100, ""}, {"b", 0.75, 600, ""}};
  const AccuracyPoint p = aggregate(tasks, {0.8, 0.4}, 4, "s");
  EXPECT_NEAR(p.value, 0.5, 1e-15);
  EXPECT_NEAR(*p.standard_error, 0.018028, 1e-6);
  EXPECT_EQ(p.samples, 700);
}

TEST(Aggregate, HasNoErrorWhenANumberOfSamplesIsUnknown) {
  const std::vector<AccuracyTask> tasks = {{"a", 0.5, 100, ""}, {"b", 0.5, 0, ""}};
  const AccuracyPoint p = aggregate(tasks, {0.8, 0.4}, 4, "s");
  EXPECT_FALSE(p.standard_error);
  EXPECT_EQ(p.samples, 0);
}

TEST(Curve, AnswersOnlyInsideTheMeasuredRange) {
  const AccuracyCurve c = curve({point(8, 0.7), point(4, 0.6)});
  EXPECT_FALSE(c.at(3));
  EXPECT_FALSE(c.at(9));
  EXPECT_FALSE(c.change(2));
  EXPECT_TRUE(c.at(4)->measured);
  EXPECT_EQ(c.at(4)->value, 0.6);
  EXPECT_FALSE(c.at(6)->measured);
  EXPECT_NEAR(c.at(6)->value, 0.65, 1e-15);  // two points: a line
}

TEST(Curve, InterpolatesMonotonically) {
  // Kept 2, 4, 8 at 0.2, 0.6, 0.7: secants 0.2 and 0.025. Inner slope (10 + 8)/(10/0.2 + 8/0.025) =
  // 18/370; end slope ((2x2 + 4) 0.2 - 2 x 0.025)/6 = 0.258333. At 3 the Hermite cubic gives
  // 0.5 x 0.2 + 0.125 x 2 x 0.258333 + 0.5 x 0.6 - 0.125 x 2 x 18/370 = 0.452421.
  const AccuracyCurve c = curve({point(2, 0.2), point(4, 0.6), point(8, 0.7)});
  EXPECT_NEAR(c.at(3)->value, 0.452421, 1e-6);
  double last = 0.0;
  for (std::int64_t kept = 2; kept <= 8; ++kept) {
    EXPECT_GE(c.at(kept)->value, last);
    last = c.at(kept)->value;
  }
}

TEST(Curve, DoesNotOvershootBetweenPointsOfAnyShape) {
  const std::vector<AccuracyPoint> points = {point(10, 0.9), point(20, 0.1), point(30, 0.11),
                                             point(40, 0.1), point(80, 0.95)};
  const AccuracyCurve c = curve(points, 80);
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const auto [low, high] = std::minmax(points[i].value, points[i + 1].value);
    for (std::int64_t kept = points[i].experts_kept; kept <= points[i + 1].experts_kept; ++kept) {
      EXPECT_GE(c.at(kept)->value, low - 1e-12) << kept;
      EXPECT_LE(c.at(kept)->value, high + 1e-12) << kept;
    }
  }
}

TEST(Curve, BandIsTheQuantileTimesTheError) {
  const AccuracyCurve c = curve({point(8, 0.7, 0.01, 100), point(4, 0.6, 0.02, 50)});
  EXPECT_NEAR(c.at(8)->high - 0.7, 1.959964 * 0.01, 1e-7);
  EXPECT_NEAR(c.at(8, 0.6826894921370859)->high - 0.7, 0.01, 1e-9);
  // Between two points: the larger error, the smaller number of samples.
  EXPECT_NEAR(c.at(6)->value - c.at(6)->low, 1.959964 * 0.02, 1e-7);
  EXPECT_EQ(c.at(6)->samples, 50);
}

TEST(Curve, ChangeIsUnpairedAndZeroAtTheUnprunedModel) {
  // 0.6 - 0.7 = -0.1 with sqrt(0.03^2 + 0.04^2) = 0.05: interval -0.1 +- 0.098, just below 0.
  const AccuracyCurve c = curve({point(8, 0.7, 0.03), point(4, 0.6, 0.04)});
  EXPECT_NEAR(c.change(4)->value, -0.1, 1e-12);
  EXPECT_NEAR(c.change(4)->high, -0.1 + 1.959964 * 0.05, 1e-7);
  EXPECT_TRUE(c.distinguishable(4));
  EXPECT_FALSE(c.distinguishable(4, 0.99));  // 2.575829 x 0.05 > 0.1
  EXPECT_FALSE(c.distinguishable(8));
  EXPECT_EQ(c.change(8)->low, 0.0);
  EXPECT_EQ(c.change(8)->high, 0.0);
}

TEST(Curve, WithoutABandIsNeverDistinguishable) {
  const AccuracyCurve c = curve({point(8, 0.9), point(4, 0.1)});
  EXPECT_FALSE(c.at(4)->has_band);
  EXPECT_EQ(c.at(4)->low, 0.1);
  EXPECT_FALSE(c.distinguishable(4));
}

TEST(Curve, WithoutTheUnprunedModelHasNoChange) {
  EXPECT_FALSE(curve({point(4, 0.5), point(2, 0.4)}).change(2));
}

TEST(Curve, RefusesWhatIsNoCurve) {
  EXPECT_THROW(curve({}), std::logic_error);
  EXPECT_THROW(curve({point(4, 0.5), point(4, 0.6)}), std::logic_error);
  EXPECT_THROW(curve({point(4, 50.0)}), std::logic_error);  // percent
}

AccuracyTable table() {
  AccuracyTable out;
  out.description.id = "small";
  out.description.tasks = {{"a", 0.5, 100, ""}, {"b", 0.5, 400, ""}};
  const auto row = [](const std::string& method, std::int64_t from, std::int64_t to, double a,
                      double b) {
    return AccuracyRow{method, method, from, to, {{"a", a}, {"b", b}}, "test"};
  };
  out.rows = {row("none", 4, 4, 0.60, 0.60),   row("none", 8, 8, 0.70, 0.70),
              row("none", 16, 16, 0.75, 0.75), row("cut", 16, 8, 0.74, 0.70),
              row("cut", 16, 4, 0.60, 0.59),   row("odd", 16, 8, 0.60, 0.70),
              row("odd", 16, 4, 0.65, 0.65)};
  return out;
}

TEST(Threshold, IsTheLargestFactorUpToWhichAllHold) {
  ThresholdRule rule;
  rule.reference = ThresholdRule::Reference::from_scratch_same_size;
  // cut: 16->8 mean 0.72 beats 0.70, 16->4 mean 0.595 does not beat 0.60: factor 2.
  const Threshold cut = threshold(table(), "cut", 16, rule);
  EXPECT_EQ(cut.factor, 2.0);
  ASSERT_EQ(cut.verdicts.size(), 2U);
  EXPECT_NEAR(cut.verdicts[0].difference, 0.02, 1e-12);
  EXPECT_NEAR(cut.verdicts[1].difference, -0.005, 1e-12);
  // odd: factor 4 holds (0.65 > 0.60) but the smaller factor 2 (0.65 < 0.70) does not: none.
  EXPECT_EQ(threshold(table(), "odd", 16, rule).factor, 0.0);
}

TEST(Threshold, AgainstTheUnprunedModelAllowsTheTolerance) {
  ThresholdRule rule;  // unpruned, mean over tasks
  rule.tolerance = 0.03;
  // 0.72 - 0.75 = -0.03: exactly at the tolerance, holds. 0.595 - 0.75 = -0.155: does not.
  EXPECT_EQ(threshold(table(), "cut", 16, rule).factor, 2.0);
  rule.tolerance = 0.0299;
  EXPECT_EQ(threshold(table(), "cut", 16, rule).factor, 0.0);
  rule.tolerance = 0.2;
  EXPECT_EQ(threshold(table(), "cut", 16, rule).factor, 4.0);
}

TEST(Threshold, TaskByTaskNeedsEveryTask) {
  ThresholdRule rule;
  rule.reference = ThresholdRule::Reference::from_scratch_same_size;
  rule.mean_over_tasks = false;
  // Task b at 16->8: 0.70 does not beat 0.70.
  EXPECT_EQ(threshold(table(), "cut", 16, rule).factor, 0.0);
  rule.task = "a";  // 0.74 > 0.70, then 0.60 does not beat 0.60
  EXPECT_EQ(threshold(table(), "cut", 16, rule).factor, 2.0);
  rule.task = "c";
  expect_input_error([&] { threshold(table(), "cut", 16, rule); }, "E_VALUE", "c", "a, b");
}

TEST(Threshold, WithAConfidenceTheLowerEndDecides) {
  ThresholdRule rule;
  rule.confidence = 0.95;
  rule.tolerance = 0.03;
  // Difference -0.03 with an error of sqrt(.25 (.74x.26/100 + .70x.30/400 + .75x.25/100 +
  // .75x.25/400)) = 0.034615: the lower end is -0.0978.
  const Threshold cut = threshold(table(), "cut", 16, rule);
  EXPECT_EQ(cut.factor, 0.0);
  EXPECT_NEAR(*cut.verdicts[0].standard_error, 0.034615, 1e-6);
  EXPECT_NEAR(*cut.verdicts[0].low, -0.0978, 1e-4);
  rule.tolerance = 0.1;
  EXPECT_EQ(threshold(table(), "cut", 16, rule).factor, 2.0);
  EXPECT_FALSE(threshold(table(), "cut", 16, rule).distinguishable);
}

TEST(Threshold, RefusesAConfidenceWithoutSamples) {
  AccuracyTable unknown = table();
  unknown.description.tasks[0].samples = 0;
  ThresholdRule rule;
  EXPECT_EQ(threshold(unknown, "cut", 16, rule).factor, 0.0);  // the point estimate still works
  EXPECT_FALSE(threshold(unknown, "cut", 16, rule).verdicts[0].low);
  rule.confidence = 0.95;
  expect_input_error([&] { threshold(unknown, "cut", 16, rule); }, "E_VALUE", "samples");
}

TEST(Threshold, SaysWhatTheTableHas) {
  expect_input_error([&] { threshold(table(), "cutt", 16, {}); }, "E_VALUE", "cutt",
                     "did you mean 'cut'");
  expect_input_error([&] { threshold(table(), "cut", 8, {}); }, "E_VALUE", "8 experts");
  expect_input_error([&] { table().row("none", 2, 2); }, "E_VALUE", "none 2->2", "none 4->4");
}

TEST(Threshold, OfACurveUsesItsUnprunedPoint) {
  const AccuracyCurve c = curve({point(8, 0.70), point(6, 0.69), point(4, 0.66), point(2, 0.69)});
  ThresholdRule rule;
  rule.tolerance = 0.02;
  // 6: -0.01 holds; 4: -0.04 does not; 2 would, but not all smaller factors do: 8/6.
  EXPECT_NEAR(threshold(c, rule).factor, 8.0 / 6.0, 1e-12);
  rule.reference = ThresholdRule::Reference::from_scratch_same_size;
  expect_input_error([&] { threshold(c, rule); }, "E_VALUE", "unpruned");
}

TEST(Table, GivesTheCurveOfOneMethod) {
  const AccuracyCurve c = table().curve("cut", 16);
  EXPECT_EQ(c.smallest(), 4);
  EXPECT_EQ(c.largest(), 16);
  EXPECT_NEAR(c.unpruned()->value, 0.75, 1e-12);
  EXPECT_EQ(table().methods(), (std::vector<std::string>{"cut", "odd"}));
  EXPECT_EQ(table().pretrained(), (std::vector<std::int64_t>{4, 8, 16}));
  expect_input_error([&] { table().curve("cut", 8); }, "E_VALUE", "cut 8->");
}

}  // namespace
}  // namespace moeplan::models
