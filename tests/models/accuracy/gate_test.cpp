// The quality gate, thresholds with intervals, and Student's intervals.
#include <gtest/gtest.h>

#include "models/accuracy/interval.hpp"
#include "models/accuracy/quality_gate.hpp"
#include "models/accuracy/threshold.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::models {
namespace {

using moeplan::tests::expect_input_error;

AccuracyCurve curve(std::optional<double> error = 0.01) {
  AccuracyDescription description;
  description.id = "test";
  description.pretrained_experts = 16;
  return AccuracyCurve(
      description, {{16, 0.80, error, 0, "t"}, {8, 0.79, error, 0, "t"}, {4, 0.75, error, 0, "t"}});
}

// 0.79 - 1.959964 x 0.01 = 0.770400 at 95 %.
TEST(Gate, TheLowerEndDecidesWithAConfidence) {
  EXPECT_TRUE(judge(curve(), 8, {.minimum = 0.770, .confidence = 0.95}).passes);
  EXPECT_FALSE(judge(curve(), 8, {.minimum = 0.771, .confidence = 0.95}).passes);
  EXPECT_TRUE(judge(curve(), 8, {.minimum = 0.79}).passes);
  EXPECT_FALSE(judge(curve(), 8, {.minimum = 0.7901}).passes);
  const GateVerdict v = judge(curve(), 8, {.minimum = 0.76, .confidence = 0.95}).verdicts.at(0);
  EXPECT_NEAR(v.margin, 0.0104004, 1e-6);
  EXPECT_NEAR(*v.low, 0.7704004, 1e-6);
}

// The change at 4 is -0.05 +- 1.959964 x 0.01 sqrt 2 = [-0.077718, -0.022282].
TEST(Gate, LossIsAgainstTheUnprunedModel) {
  EXPECT_TRUE(judge(curve(), 4, {.largest_loss = 0.078, .confidence = 0.95}).passes);
  EXPECT_FALSE(judge(curve(), 4, {.largest_loss = 0.077, .confidence = 0.95}).passes);
  EXPECT_TRUE(judge(curve(), 4, {.largest_loss = 0.05}).passes);  // rounding does not decide
  EXPECT_TRUE(judge(curve(), 16, {.largest_loss = 0.0, .confidence = 0.95}).passes);
  const GateResult both =
      judge(curve(), 4, {.minimum = 0.1, .largest_loss = 0.01, .confidence = 0.95});
  EXPECT_TRUE(both.verdicts[0].passes);
  EXPECT_FALSE(both.verdicts[1].passes);
  EXPECT_FALSE(both.passes);
}

TEST(Gate, SaysWhatItCannotJudge) {
  expect_input_error([] { judge(curve(), 8, {}); }, "E_MISSING", "--min");
  expect_input_error([] { judge(curve(), 2, {.minimum = 0.1}); }, "E_VALUE", "4 to 16");
  expect_input_error([] { judge(curve(std::nullopt), 8, {.minimum = 0.1, .confidence = 0.9}); },
                     "E_VALUE", "no band", "--confidence point");
  EXPECT_TRUE(judge(curve(std::nullopt), 8, {.minimum = 0.1}).passes);
  AccuracyDescription description;
  description.pretrained_experts = 16;
  const AccuracyCurve pruned_only(description, {{8, 0.7, 0.01, 0, "t"}});
  expect_input_error([&] { judge(pruned_only, 8, {.largest_loss = 0.1}); }, "E_VALUE", "unpruned");
  EXPECT_FALSE(judge(curve(), 6, {.minimum = 0.1}).measured);
}

// Differences -0.01 and -0.05, half-width 0.027718: with tolerance 0.03 factor 2 holds by its mean,
// not by its lower end (-0.0377), and factor 4 not by its mean, but its upper end (-0.0223) does.
TEST(ThresholdInterval, RunsFromTheLowerToTheUpperEnds) {
  const ThresholdRule rule{.tolerance = 0.03};
  const Threshold found = threshold(curve(), rule);
  EXPECT_EQ(found.factor, 2.0);
  EXPECT_EQ(found.low_factor, 0.0);
  EXPECT_EQ(found.high_factor, 4.0);
  EXPECT_FALSE(threshold(curve(std::nullopt), rule).low_factor);
}

// {1, 2, 3}: mean 2, sd 1, standard error 0.5773503, t(2) at 0.95 = 4.302653.
TEST(StudentInterval, IsWiderThanTheNormalOne) {
  const std::vector<double> values = {1.0, 2.0, 3.0};
  const MeanInterval found = student_interval(values, 0.95);
  EXPECT_NEAR(found.mean, 2.0, 1e-12);
  EXPECT_NEAR(*found.standard_error, 0.5773503, 1e-7);
  EXPECT_NEAR(*found.high - found.mean, 4.302653 * 0.5773503, 1e-5);
  const MeanInterval one = student_interval({values.data(), 1}, 0.95);
  EXPECT_EQ(one.mean, 1.0);
  EXPECT_FALSE(one.low);
  EXPECT_THROW(student_interval({}, 0.95), std::logic_error);
  EXPECT_THROW(student_interval(values, 1.0), std::logic_error);
}

}  // namespace
}  // namespace moeplan::models
