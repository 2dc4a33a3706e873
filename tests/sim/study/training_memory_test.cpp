// Memory of training by hand: the published formula, what recompute saves, and what happens where a
// GPU has too little.
#include "sim/study/training_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architecture/counts.hpp"
#include "sim/study/pretraining_cost.hpp"
#include "sim/study/run_study.hpp"
#include "tests/sim/study/study_text.hpp"

namespace moeplan::sim {
namespace {

using ::testing::HasSubstr;
using tests::study_of;
using tests::study_with;

// Four sequences of 1024 tokens a pass, h = 1024, 16 heads of 64, 24 layers, 12 of them MoE with
// experts of 4096; s b h = 4 x 1024 x 1024 = 4,194,304.
constexpr double kSbh = 4194304.0;

PretrainingStudy study_with_recompute(const std::string& choice) {
  return study_of(
      study_with("  # Sequences of a GPU",
                 "  recompute: {value: " + choice + ", source: test}\n  # Sequences of a GPU"));
}

models::SmoeArchitecture experts(const PretrainingStudy& study, std::int64_t count) {
  return models::with_experts(study.architecture, count);
}

const models::Layer& dense_layer(const models::SmoeArchitecture& architecture) {
  for (const models::Layer& layer : architecture.layers) {
    if (std::holds_alternative<models::DenseFfn>(layer.ffn)) {
      return layer;
    }
  }
  throw std::logic_error("the paper's models have dense layers");
}

// Korthikanti et al., equation 1: s b h (34 + 5 a s / h) = 4,194,304 x (34 + 5 x 16 x 1024 / 1024)
// = 4,194,304 x 114 = 478,150,656 bytes.
TEST(TrainingMemory, ADenseLayerIsThePublishedFormula) {
  const PretrainingStudy study = study_of(tests::built_in_study());
  const models::SmoeArchitecture model = experts(study, 8);
  EXPECT_DOUBLE_EQ(in_bytes(layer_activations(model, dense_layer(model), study.pretraining)),
                   kSbh * 114.0);
}

// An MoE layer has the same 15 s b h of norms and attention and 80 s b h of scores, then
//   input and mask            3 s b h                                   =  12,582,912
//   router, 8 bytes x E       4096 x 8 x 8                              =     262,144
//   R = 8 x 615 = 4920 rows   4920 x (4 x 1024 + 4 x 4096) = 4920 x 20480 = 100,761,600
TEST(TrainingMemory, AnMoeLayerHasItsBuffersRows) {
  const PretrainingStudy study = study_of(tests::built_in_study());
  const models::SmoeArchitecture model = experts(study, 8);
  const models::Layer& layer = model.layers[model.moe_layers().front()];
  EXPECT_DOUBLE_EQ(in_bytes(layer_activations(model, layer, study.pretraining)),
                   kSbh * 95.0 + 12582912.0 + 262144.0 + 100761600.0);
}

// Beside the layers: s b (h + 2 h + 2 h + 4 V) = 5 s b h + 4 x 4096 x 50257 = 844,382,208... by
// hand 20,971,520 + 823,410,688.
constexpr double kBesideLayers = 20971520.0 + 823410688.0;
// 12 layers of each kind without scores: 34 s b h, and 15 + 3 s b h with the rows above.
constexpr double kLayers = 12.0 * (34.0 * kSbh) + 12.0 * (18.0 * kSbh + 262144.0 + 100761600.0);

TEST(TrainingMemory, RecomputeSavesScoresOrAllButTheInputs) {
  const auto of = [](const char* choice) {
    const PretrainingStudy study = study_with_recompute(choice);
    return in_bytes(activations(experts(study, 8), study.pretraining));
  };
  EXPECT_DOUBLE_EQ(of("selective"), kLayers + kBesideLayers);
  EXPECT_DOUBLE_EQ(of("none"), kLayers + 24.0 * 80.0 * kSbh + kBesideLayers);
  // 2 s b h a layer, and the largest of them while it is recomputed: an MoE one,
  // 18 x 4,194,304 + 101,023,744 = 176,521,216 against 142,606,336.
  EXPECT_DOUBLE_EQ(of("full"), 24.0 * 2.0 * kSbh + 176521216.0 + kBesideLayers);
  const PretrainingStudy usual = study_of(tests::built_in_study());
  EXPECT_EQ(usual.pretraining.recompute, Recompute::selective);
}

TEST(TrainingMemory, FullRecomputeIsOneMoreForwardPass) {
  const auto flops = [](const char* choice) {
    const PretrainingStudy study = study_with_recompute(choice);
    return executed_flops_per_token(experts(study, 8), study.pretraining).value();
  };
  EXPECT_DOUBLE_EQ(flops("full"), 4.0 / 3.0 * flops("selective"));
  EXPECT_DOUBLE_EQ(flops("none"), flops("selective"));
}

TEST(TrainingMemory, StateIsTwoTwoAndTheRest) {
  const PretrainingStudy study = study_of(tests::built_in_study());
  const TrainingMemory memory = training_memory(experts(study, 8), study.pretraining, 8);
  const double parameters = 254196736.0 + 100724736.0;  // pretraining_cost_test.cpp
  EXPECT_DOUBLE_EQ(in_bytes(memory.weights), 2.0 * parameters);
  EXPECT_DOUBLE_EQ(in_bytes(memory.gradients), 2.0 * parameters);
  EXPECT_DOUBLE_EQ(in_bytes(memory.optimizer), 12.0 * parameters);
  EXPECT_DOUBLE_EQ(in_bytes(memory.total()), 16.0 * parameters + kLayers + kBesideLayers);
}

// 128 experts on one GPU each: 210 GB of state. Of the divisors of 128 that lie in a node of 8:
//   2 GPUs: 16 x (255,671,296 + 64 x 100,724,736) = 107.2 GB, too much for 80 GiB = 85.9 GB
//   4 GPUs: 16 x (255,671,296 + 32 x 100,724,736) = 55.7 GB + 4 to 5 GB of activations: fits
TEST(TrainingMemory, WhatDoesNotFitSaysHowManyGpusWould) {
  const PretrainingStudy study = study_of(study_with("{value: [8, 32],", "{value: [1, 2],"));
  const models::SmoeArchitecture model = experts(study, 128);
  EXPECT_EQ(fewest_expert_ranks(model, study.pretraining), 4);
  const PretrainingCost cost = pretraining_cost(study.pretraining, study.prices, model);
  EXPECT_THAT(cost.why_not, HasSubstr("activations"));
  EXPECT_THAT(cost.why_not, HasSubstr("over 4 GPUs it fits (expert_ranks)"));
  EXPECT_EQ(cost.fewest_expert_ranks, 4);
  EXPECT_FALSE(
      pretraining_cost(study.pretraining, study.prices, experts(study, 8)).fewest_expert_ranks);
}

// 256 times the state: a GPU cannot even hold the backbone.
TEST(TrainingMemory, WhereTheBackboneAloneIsTooMuchNoGroupHelps) {
  PretrainingStudy study = study_of(tests::built_in_study());
  study.pretraining.state_per_parameter = bytes(16.0 * 256.0);
  const models::SmoeArchitecture model = experts(study, 128);
  EXPECT_FALSE(fewest_expert_ranks(model, study.pretraining));
  EXPECT_THAT(pretraining_cost(study.pretraining, study.prices, model).why_not,
              HasSubstr("no number of GPUs is enough"));
}

// More sequences a pass: activations alone push what fitted over the edge.
TEST(TrainingMemory, ActivationsCountAgainstTheGpu) {
  PretrainingStudy study = study_with_recompute("none");
  const models::SmoeArchitecture model = experts(study, 8);
  EXPECT_EQ(pretraining_cost(study.pretraining, study.prices, model).why_not, "");
  study.pretraining.micro_batch = 64;
  const PretrainingCost cost = pretraining_cost(study.pretraining, study.prices, model);
  EXPECT_THAT(cost.why_not, HasSubstr("activations"));
  EXPECT_GT(cost.memory.activations, study.pretraining.gpu.memory);
}

// 4e9 tokens are a tenth of pretraining's 40e9: 7,630 steps (7,629.4) instead of 76,294.
TEST(Finetuning, IsAShortRunOfThePrunedModel) {
  const std::string text =
      study_with("accuracy:\n", "finetuning: {tokens: 4e9 tokens, source: assumed}\naccuracy:\n");
  const PretrainingStudy study = study_of(text);
  const StudyResult result = run_study(study);
  ASSERT_EQ(result.finetuning.size(), 4U);
  const PretrainingCost& tuned = result.finetuning.front();
  EXPECT_EQ(tuned.experts, 8);
  EXPECT_EQ(tuned.steps, 7630);
  const PretrainingCost whole =
      pretraining_cost(study.pretraining, study.prices, experts(study, 8));
  EXPECT_LE(in_usd(tuned.cost), in_usd(whole.cost) * 7630.0 / 76294.0 * (1.0 + 1e-9))
      << "the same step, or that of a better group";
  for (const StudyOption& option : result.options) {
    ASSERT_EQ(option.finetuning.has_value(), option.quality.pruned());
    const Usd tuning = option.finetuning ? result.finetuning[*option.finetuning].cost : Usd(0.0);
    const Usd trained = result.pretraining[option.pretraining].cost;
    EXPECT_DOUBLE_EQ(in_usd(option.merit.pretraining), in_usd(trained + tuning));
    EXPECT_NEAR(in_usd(option.lifetime_cost),
                in_usd(trained + tuning + option.merit.inference * study.lifetime), 1e-6);
  }
  EXPECT_TRUE(run_study(study_of(tests::built_in_study())).finetuning.empty());
}

}  // namespace
}  // namespace moeplan::sim
