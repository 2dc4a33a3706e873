// Does merging give back what was put in, and does a permutation leave the function alone?
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "models/pruning/merge_layer.hpp"
#include "tests/models/pruning/planted.hpp"

namespace moeplan::models {
namespace {

// f(x) written out, in double: gate' = silu(gate x + b), without a gate relu(in x + b).
Eigen::VectorXd output(const ExpertWeights& e, const Eigen::VectorXd& x) {
  Eigen::VectorXd in = e.in.cast<double>() * x;
  if (e.in_bias.size() > 0) {
    in += e.in_bias.cast<double>();
  }
  Eigen::VectorXd inner = in.cwiseMax(0.0);
  if (e.gate.size() > 0) {
    Eigen::VectorXd gate = e.gate.cast<double>() * x;
    if (e.gate_bias.size() > 0) {
      gate += e.gate_bias.cast<double>();
    }
    inner = in.array() * gate.array() / (1.0 + (-gate.array()).exp());
  }
  Eigen::VectorXd out = e.out.cast<double>() * inner;
  if (e.out_bias.size() > 0) {
    out += e.out_bias.cast<double>();
  }
  return out;
}

struct Shape {
  bool gated;
  bool bias;
};
const Shape kShapes[] = {{false, false}, {true, false}, {true, true}, {false, true}};

TEST(Permutation, LeavesTheFunctionUnchanged) {
  SplitMix random(11);
  for (const Shape shape : kShapes) {
    const ExpertWeights expert = random_expert(12, 30, shape.gated, shape.bias, random);
    const ExpertWeights moved = permuted(expert, random_order(30, random));
    EXPECT_GT(distance(expert, moved), 0.1f);  // the weights did change
    const Eigen::VectorXd x = normal_matrix(12, 1, random).cast<double>();
    EXPECT_LT((output(expert, x) - output(moved, x)).norm(), 1e-9 * output(expert, x).norm());
  }
}

TEST(Align, RecoversAPlantedPermutationExactly) {
  SplitMix random(12);
  for (const Shape shape : kShapes) {
    const ExpertWeights anchor = random_expert(16, 64, shape.gated, shape.bias, random);
    const auto order = random_order(64, random);
    const Alignment found = align(anchor, permuted(anchor, order));
    // Neuron order[i] of the anchor is neuron i of the copy, so the order back is the inverse.
    for (std::size_t i = 0; i < order.size(); ++i) {
      EXPECT_EQ(found.order[static_cast<std::size_t>(order[i])], static_cast<std::int32_t>(i));
    }
    EXPECT_NEAR(found.cosine_after, 1.0, 1e-6);
    EXPECT_LT(found.cosine_before, 0.6);
  }
}

// The best of all 5! orders, the objective written as the paper's formula.
TEST(Align, EqualsBruteForceOnSmallExperts) {
  SplitMix random(13);
  for (const Shape shape : kShapes) {
    const ExpertWeights a = random_expert(3, 5, shape.gated, shape.bias, random);
    const ExpertWeights m = random_expert(3, 5, shape.gated, shape.bias, random);
    const auto objective = [&](const std::vector<std::int32_t>& order) {
      const ExpertWeights p = permuted(m, order);
      const auto inner = [](const auto& x, const auto& y) {
        return x.size() == 0 ? 0.0 : static_cast<double>((x.array() * y.array()).sum());
      };
      return inner(a.in, p.in) + inner(a.gate, p.gate) + inner(a.out, p.out) +
             inner(a.in_bias, p.in_bias) + inner(a.gate_bias, p.gate_bias);
    };
    std::vector<std::int32_t> order(5);
    std::iota(order.begin(), order.end(), 0);
    double best = -std::numeric_limits<double>::infinity();
    do {
      best = std::max(best, objective(order));
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_NEAR(objective(align(a, m).order), best, 1e-5);
  }
}

LayerPlan one_cluster(std::vector<std::int32_t> members, std::int32_t anchor,
                      std::vector<double> weights) {
  LayerPlan plan{.layer = 0, .experts = static_cast<std::int64_t>(members.size())};
  plan.kept.push_back({anchor, std::move(members), std::move(weights)});
  return plan;
}

TEST(Merge, PermutedCopiesOfOneExpertGiveThatExpert) {
  SplitMix random(14);
  for (const Shape shape : kShapes) {
    const ExpertWeights original = random_expert(16, 48, shape.gated, shape.bias, random);
    std::vector<ExpertWeights> experts = {permuted(original, random_order(48, random)), original,
                                          permuted(original, random_order(48, random)),
                                          permuted(original, random_order(48, random))};
    const LayerPlan plan = one_cluster({0, 1, 2, 3}, 1, {0.1, 0.2, 0.3, 0.4});
    const MergedLayer merged = merge_layer(plan, experts, 2);
    ASSERT_EQ(merged.experts.size(), 1u);
    EXPECT_LT(distance(merged.experts[0], original), 1e-6f);
    ASSERT_EQ(merged.alignments.size(), 3u);
    EXPECT_GT(merged.alignments[0].moved, 40);
    EXPECT_NEAR(merged.alignments[0].cosine_after, 1.0, 1e-6);
  }
}

TEST(Merge, OneMemberIsTheIdentityBitForBit) {
  SplitMix random(15);
  std::vector<ExpertWeights> experts;
  LayerPlan plan{.layer = 0, .experts = 3};
  for (std::int32_t e = 0; e < 3; ++e) {
    experts.push_back(random_expert(5, 9, true, true, random));
    plan.kept.push_back({e, {e}, {1.0}});
  }
  const MergedLayer merged = merge_layer(plan, experts, 1);
  for (std::size_t e = 0; e < 3; ++e) {
    EXPECT_EQ(distance(merged.experts[e], experts[e]), 0.0f);
  }
  EXPECT_TRUE(merged.alignments.empty());
}

// Without alignment the merged expert is the plain weighted mean.
TEST(Merge, AveragesWithTheGivenWeights) {
  SplitMix random(16);
  const std::vector<ExpertWeights> experts = {random_expert(4, 6, true, true, random),
                                              random_expert(4, 6, true, true, random)};
  const LayerPlan plan = one_cluster({0, 1}, 0, {0.75, 0.25});
  const ExpertWeights mean = merge_layer(plan, experts, 1, false).experts[0];
  EXPECT_NEAR(mean.in(2, 3), 0.75f * experts[0].in(2, 3) + 0.25f * experts[1].in(2, 3), 1e-6f);
  EXPECT_NEAR(mean.out(1, 5), 0.75f * experts[0].out(1, 5) + 0.25f * experts[1].out(1, 5), 1e-6f);
  EXPECT_NEAR(mean.out_bias(0), 0.75f * experts[0].out_bias(0) + 0.25f * experts[1].out_bias(0),
              1e-6f);
}

TEST(Merge, DoesNotDependOnTheNumberOfThreads) {
  SplitMix random(17);
  std::vector<ExpertWeights> experts;
  for (int e = 0; e < 6; ++e) {
    experts.push_back(random_expert(10, 33, true, false, random));
  }
  LayerPlan plan{.layer = 0, .experts = 6};
  plan.kept.push_back({0, {0, 2, 4}, {0.5, 0.25, 0.25}});
  plan.kept.push_back({3, {1, 3, 5}, {0.2, 0.5, 0.3}});
  const MergedLayer one = merge_layer(plan, experts, 1);
  const MergedLayer four = merge_layer(plan, experts, 4);
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_EQ(distance(one.experts[k], four.experts[k]), 0.0f);
  }
}

TEST(Merge, WeightsThatAreNotNumbersAreRefused) {
  SplitMix random(18);
  std::vector<ExpertWeights> experts = {random_expert(4, 6, false, false, random),
                                        random_expert(4, 6, false, false, random)};
  experts[1].in(0, 0) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(merge_layer(one_cluster({0, 1}, 0, {0.5, 0.5}), experts, 1), std::invalid_argument);
}

}  // namespace
}  // namespace moeplan::models
