// Pretraining by hand: FLOPs, steps, buffers, memory and money of the paper's models.
#include "sim/study/pretraining_cost.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "models/architecture/counts.hpp"
#include "tests/sim/study/study_text.hpp"

namespace moeplan::sim {
namespace {

using ::testing::HasSubstr;
using tests::study_of;
using tests::study_with;

models::SmoeArchitecture experts(const PretrainingStudy& study, std::int64_t count) {
  return models::with_experts(study.architecture, count);
}

PretrainingCost cost_of(const PretrainingStudy& study, std::int64_t count) {
  return pretraining_cost(study.pretraining, study.prices, experts(study, count));
}

PretrainingStudy one_node_groups() {
  return study_of(study_with("{value: [8, 32],", "{value: 8,"));
}

// Forward, 354M+8e, h = 1024, 24 layers, 12 of them MoE, sequences of L = 1024:
//   attention matrices 24 x 2 x 4 h^2              = 201,326,592
//   dense FFN          12 x 2 x 2 h 4096           = 201,326,592
//   one expert         12 x 2 x 2 h 4096           = 201,326,592
//   router             12 x 2 x 8 h                =     196,608
//   scores and values  24 x 4 h L                  = 100,663,296
//   logits             2 x 50257 h                 = 102,926,336
// Sum 807,766,016; three times that is 2,423,298,048.
TEST(PretrainingFlops, AreThreeForwardPasses) {
  const PretrainingStudy study = one_node_groups();
  EXPECT_DOUBLE_EQ(training_flops_per_token(experts(study, 8), 1024).value(), 2423298048.0);
  // 120 experts more are 120 rows more of 12 routers: 3 x 12 x 2 x 120 h.
  EXPECT_DOUBLE_EQ(training_flops_per_token(experts(study, 128), 1024).value(),
                   2423298048.0 + 3.0 * 12 * 2 * 120 * 1024);
}

// 6 x the weights a token uses + attention, where every weight but embeddings is a matrix.
TEST(PretrainingFlops, AreSixTimesTheActiveParameters) {
  const PretrainingStudy study = one_node_groups();
  const auto active = static_cast<double>(models::count_parameters(experts(study, 32)).active);
  const double attention = 3.0 * 24 * 4 * 1024 * 1024;
  EXPECT_NEAR(training_flops_per_token(experts(study, 32), 1024).value(), 6.0 * active + attention,
              0.01 * 6.0 * active)
      << "positions, norms and biases are the difference";
}

// T = 4 x 1024 tokens of a GPU in a pass: C = ceil(1.2 x 4096 / 8) = ceil(614.4) = 615, so 8 x 615
// = 4920 rows for 4096 tokens; 824 / 4096 more of 6 x 8,388,608 x 12 expert FLOPs = 121,503,744.
TEST(PretrainingFlops, PaddedRowsAreExecuted) {
  const PretrainingStudy study = one_node_groups();
  EXPECT_DOUBLE_EQ(executed_flops_per_token(experts(study, 8), study.pretraining).value(),
                   2423298048.0 + 121503744.0);
  EXPECT_EQ(cost_of(study, 8).capacity, 615);
  EXPECT_EQ(cost_of(study, 128).capacity, 39);  // 38.4
}

// 40e9 tokens in steps of 512 x 1024 = 524,288: 76,293.9. A step of a GPU: 16,384 tokens x
// 2,544,801,792 FLOP / (312e12 x 0.30) = 0.445449 s.
TEST(PretrainingCost, StepsAndComputeOfAStep) {
  const PretrainingStudy study = one_node_groups();
  const PretrainingCost cost = cost_of(study, 8);
  EXPECT_EQ(cost.steps, 76294);
  EXPECT_NEAR(in_seconds(cost.step.compute), 0.445449, 1e-6);
  EXPECT_DOUBLE_EQ(cost.model_flops.value(), 2423298048.0 * 524288 * 76294);
  EXPECT_DOUBLE_EQ(in_seconds(cost.duration), in_seconds(cost.step.total()) * 76294);
}

// 4 all-to-alls x 12 layers x 4 passes (512 / 32 GPUs / 4), each of 8 x 615 rows of 1024 x 2 bytes.
TEST(PretrainingCost, ExchangesAreThoseOfTheLaw) {
  const PretrainingStudy study = one_node_groups();
  const PretrainingCost cost = cost_of(study, 8);
  EXPECT_EQ(cost.exchanges_per_step, 192);
  EXPECT_DOUBLE_EQ(in_bytes(cost.exchange_bytes), 10076160.0);
  const Seconds one =
      study.pretraining.collective.estimate(models::Collective::all_to_all, 8, cost.exchange_bytes)
          .duration;
  EXPECT_NEAR(in_seconds(cost.step.exchange), 192 * in_seconds(one), 1e-12);
}

// Of a GPU: the backbone, 254,196,736 parameters (embeddings and positions 52,511,744, attention
// 24 x 4,198,400, dense FFN 12 x 8,393,728, router 12 x 8,192, norms 25 x 4,096 less half), and one
// expert of 8,393,728 in each of 12 layers: 100,724,736. 16 bytes each.
TEST(PretrainingCost, StateIsTheBackboneAndAShareOfTheExperts) {
  const PretrainingStudy study = one_node_groups();
  EXPECT_DOUBLE_EQ(in_bytes(cost_of(study, 8).memory.state()), 16.0 * (254196736 + 100724736));
  // 128 experts: 16 of them a GPU, and 12 x 120 x 1024 router weights more.
  EXPECT_DOUBLE_EQ(in_bytes(cost_of(study, 128).memory.state()),
                   16.0 * (254196736 + 1474560 + 16.0 * 100724736));
  EXPECT_DOUBLE_EQ(in_bytes(cost_of(study, 8).gradient_bytes), 2.0 * (254196736 + 100724736));
}

// Four p4de.24xlarge at 27.4471 USD/h are 109.7884 USD/h for as long as it takes.
TEST(PretrainingCost, MoneyIsTheRentOfWholeInstances) {
  const PretrainingStudy study = one_node_groups();
  const PretrainingCost cost = cost_of(study, 32);
  EXPECT_EQ(cost.price_id, "aws-p4de.24xlarge-on_demand");
  EXPECT_EQ(cost.instances, 4);
  EXPECT_NEAR(in_usd(cost.cost), 109.7884 * in_hours(cost.duration), 1e-6);
  EXPECT_NEAR(cost.gpu_hours(cost.duration), 32 * in_hours(cost.duration), 1e-9);
}

// An MFU of 0.48 takes 0.30 / 0.48 of the compute; gradients may hide behind two thirds of it.
TEST(PretrainingCost, TheBandEnclosesTheEstimate) {
  const PretrainingStudy study = one_node_groups();
  for (const std::int64_t count : {8, 32, 64, 128}) {
    const PretrainingCost cost = cost_of(study, count);
    EXPECT_LT(cost.duration_low, cost.duration);
    EXPECT_GT(cost.duration_high, cost.duration);
    const double steps = static_cast<double>(cost.steps);
    EXPECT_GE(cost.duration_low, cost.step.compute * (0.30 / 0.48) * steps);
    EXPECT_GE(cost.duration_high, cost.step.compute * (0.30 / 0.21) * steps);
    EXPECT_LT(cost.cost_low, cost.cost);
    EXPECT_GT(cost.cost_high, cost.cost);
  }
}

TEST(PretrainingCost, MoreExpertsTakeLonger) {
  const PretrainingStudy study = one_node_groups();
  EXPECT_GT(cost_of(study, 32).duration, cost_of(study, 8).duration);
  EXPECT_GT(cost_of(study, 64).duration, cost_of(study, 32).duration);
  EXPECT_GT(cost_of(study, 128).duration, cost_of(study, 64).duration);
}

// Half the tokens take half as long: 76,294 and 38,147 steps.
TEST(PretrainingCost, ScalesWithTokens) {
  const PretrainingCost whole = cost_of(one_node_groups(), 64);
  std::string text = study_with("{value: [8, 32],", "{value: 8,");
  text.replace(text.find("40e9"), 4, "20e9");
  const PretrainingCost half = cost_of(study_of(text), 64);
  EXPECT_EQ(half.steps, 38147);
  EXPECT_NEAR(in_seconds(half.duration), in_seconds(whole.duration) / 2,
              1e-9 * in_seconds(whole.duration));
}

// Of two groups the faster one is taken; 8 experts cannot be spread over 32 GPUs.
TEST(PretrainingCost, TakesTheBestGroupThatWorks) {
  const PretrainingStudy both = study_of(tests::built_in_study());
  const PretrainingStudy wide = study_of(study_with("{value: [8, 32],", "{value: 32,"));
  EXPECT_EQ(cost_of(both, 8).expert_ranks, 8);
  EXPECT_THAT(cost_of(wide, 8).why_not, HasSubstr("8 experts do not divide over 32 GPUs"));
  for (const std::int64_t count : {32, 64, 128}) {
    EXPECT_EQ(in_seconds(cost_of(both, count).duration),
              std::min(in_seconds(cost_of(one_node_groups(), count).duration),
                       in_seconds(cost_of(wide, count).duration)));
  }
  // Over all GPUs an expert has one replica: only the backbone's gradients are summed.
  EXPECT_LT(cost_of(wide, 128).step.gradients, cost_of(one_node_groups(), 128).step.gradients);
}

// Unshared, 128 experts are 13.15e9 parameters: 210 GB of state on an 80 GiB GPU.
TEST(PretrainingCost, WhatDoesNotFitSaysSo) {
  const PretrainingStudy alone = study_of(study_with("{value: [8, 32],", "{value: 1,"));
  EXPECT_EQ(cost_of(alone, 8).why_not, "");
  EXPECT_EQ(cost_of(alone, 8).exchanges_per_step, 0);
  EXPECT_EQ(cost_of(alone, 8).step.exchange, Seconds());
  EXPECT_THAT(cost_of(alone, 128).why_not, HasSubstr("of 80.0 GiB per GPU"));
}

}  // namespace
}  // namespace moeplan::sim
