// The answer: the paper's statements from its table, money that adds up, objectives that bind.
#include "sim/study/run_study.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/study/study_text.hpp"

namespace moeplan::sim {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using tests::study_of;
using tests::study_with;

struct Answer {
  PretrainingStudy study;
  StudyResult result;
};

Answer answer_of(const std::string& text) {
  Answer answer{study_of(text), {}};
  answer.result = run_study(answer.study);
  return answer;
}

const Answer& built_in() {
  static const Answer kAnswer = answer_of(tests::built_in_study());
  return kAnswer;
}

const StudyOption& option(const StudyResult& result, std::int64_t pretrained, std::int64_t kept,
                          const std::string& method) {
  for (const StudyOption& o : result.options) {
    if (o.quality.pretrained == pretrained && o.quality.kept == kept &&
        o.quality.method == method) {
      return o;
    }
  }
  throw std::runtime_error("no such option");
}

double factor(const StudyResult& result, const std::string& method, std::int64_t pretrained) {
  for (const StudyThreshold& found : result.thresholds) {
    if (found.method == method && found.pretrained == pretrained) {
      return found.threshold.factor;
    }
  }
  return -1.0;
}

// Section 3 of arXiv:2409.01483v1: with UNCURL the larger model is worth pruning by 4x from 32
// experts, by 2x from 64 and 128; greedy pruning never holds.
TEST(StudyOfThePaper, ThresholdsAreThoseOfThePaper) {
  const StudyResult& result = built_in().result;
  EXPECT_EQ(factor(result, "uncurl", 32), 4.0);
  EXPECT_EQ(factor(result, "uncurl", 64), 2.0);
  EXPECT_EQ(factor(result, "uncurl", 128), 2.0);
  for (const std::int64_t pretrained : {32, 64, 128}) {
    EXPECT_EQ(factor(result, "greedy", pretrained), 0.0);
  }
  EXPECT_EQ(factor(result, "uncurl", 8), -1.0) << "nothing was pruned from 8";
}

// Table 2, 32 -> 8: (66.48 + 69.13 + 58.96 + 50.65 + 66.34 + 69.86) / 6 = 63.57 %; 8 from scratch:
// 375.98 / 6 = 62.663 %. Table 1, greedy 32 -> 8: 371.58 / 6 = 61.93 %.
TEST(StudyOfThePaper, QualitiesAreMeansOfTheTable) {
  const StudyResult& result = built_in().result;
  EXPECT_NEAR(option(result, 32, 8, "uncurl").quality.accuracy, 0.6357, 1e-9);
  EXPECT_NEAR(option(result, 32, 8, "uncurl").quality.loss, 3.7598 / 6 - 0.6357, 1e-9);
  EXPECT_NEAR(option(result, 32, 8, "greedy").quality.accuracy, 3.7158 / 6, 1e-9);
  EXPECT_EQ(option(result, 8, 8, kFromScratch).quality.loss, 0.0);
  EXPECT_LT(option(result, 64, 32, "uncurl").quality.loss, 0.0);
  EXPECT_GT(option(result, 64, 32, "greedy").quality.loss, 0.0);
}

// 4 from scratch, 6 pairs by UNCURL, 3 of the 6 by greedy: 3 are not in table 1.
TEST(StudyOfThePaper, WhatIsNotMeasuredIsLeftOutAndCounted) {
  const StudyResult& result = built_in().result;
  EXPECT_EQ(result.options.size(), 13u);
  ASSERT_EQ(result.not_measured.size(), 3u);
  for (const NotMeasured& missing : result.not_measured) {
    EXPECT_EQ(missing.method, "greedy");
  }
  EXPECT_THAT(result.warnings, Contains(HasSubstr("3 combinations were not measured")));
}

// MC-SMoE was evaluated on three of six tasks: a mean over them would be another quality.
TEST(StudyOfThePaper, RowsWithoutAllTasksAreLeftOut) {
  const Answer answer = answer_of(study_with("[uncurl, greedy]", "mc_smoe"));
  EXPECT_EQ(answer.result.options.size(), 4u);
  EXPECT_EQ(answer.result.not_measured.size(), 6u);
  EXPECT_TRUE(std::any_of(answer.result.not_measured.begin(), answer.result.not_measured.end(),
                          [](const NotMeasured& missing) {
                            return missing.reason.find("not evaluated on CB") != std::string::npos;
                          }));
  EXPECT_TRUE(answer.result.thresholds.empty());
}

// Above what 8 experts reach, the paper's own case is cheapest: 32 pruned to 8 trains like 32 and
// runs like 8.
TEST(StudyOfThePaper, RecommendsThirtyTwoPrunedToEight) {
  const StudyResult& result = built_in().result;
  ASSERT_TRUE(result.recommended);
  const StudyOption& best = result.options[*result.recommended];
  EXPECT_EQ(best.quality.name(), "32 -> 8 by uncurl");
  EXPECT_TRUE(best.on_front);
  EXPECT_THAT(result.reasons.front(), HasSubstr("Pretrain 32 experts and prune to 8 by uncurl"));
}

TEST(RunStudy, APrunedModelTrainsLikeItsParentAndRunsLikeItsSize) {
  const StudyResult& result = built_in().result;
  const StudyOption& pruned = option(result, 64, 32, "uncurl");
  const StudyOption& parent = option(result, 64, 64, kFromScratch);
  const StudyOption& size = option(result, 32, 32, kFromScratch);
  EXPECT_EQ(pruned.merit.pretraining, parent.merit.pretraining);
  EXPECT_EQ(pruned.merit.latency, size.merit.latency);
  EXPECT_EQ(pruned.merit.inference, size.merit.inference);
  EXPECT_GT(pruned.merit.pretraining, size.merit.pretraining);
  EXPECT_LT(pruned.merit.latency, parent.merit.latency);
}

// 8 GPUs at 16.288 USD/h, each 512 tokens a pass: t / 3600 x 16.288 / 4096 USD a token.
TEST(RunStudy, MoneyAddsUp) {
  const Answer& answer = built_in();
  for (const InferenceCost& cost : answer.result.inference) {
    EXPECT_EQ(cost.price_id, "aws-g5.48xlarge-on_demand");
    EXPECT_NEAR(cost.per_token.value(), in_seconds(cost.latency) / 3600 * 16.288 / 4096,
                1e-9 * cost.per_token.value());
    EXPECT_LT(cost.latency_low.value(), cost.latency);
    EXPECT_GT(cost.latency_high.value(), cost.latency);
  }
  for (const StudyOption& o : answer.result.options) {
    EXPECT_NEAR(in_usd(o.lifetime_cost),
                in_usd(o.merit.pretraining) + 1e12 * o.merit.inference.value(),
                1e-9 * in_usd(o.lifetime_cost));
    EXPECT_LE(o.lifetime_cost_low, o.lifetime_cost);
    EXPECT_GE(o.lifetime_cost_high, o.lifetime_cost);
  }
}

// Nothing on the front is beaten; everything off it is, by something on it.
TEST(RunStudy, TheFrontIsAFront) {
  const StudyResult& result = built_in().result;
  const auto beats = [](const Merit& a, const Merit& b) {
    return a.quality >= b.quality && a.latency <= b.latency && a.pretraining <= b.pretraining &&
           (a.quality > b.quality || a.latency < b.latency || a.pretraining < b.pretraining);
  };
  for (const StudyOption& o : result.options) {
    const bool beaten = std::any_of(result.pareto.begin(), result.pareto.end(), [&](std::size_t i) {
      return beats(result.options[i].merit, o.merit);
    });
    EXPECT_EQ(beaten, !o.on_front) << o.quality.name();
  }
  EXPECT_FALSE(option(result, 128, 8, "uncurl").on_front);
  EXPECT_TRUE(option(result, 8, 8, kFromScratch).on_front) << "the fastest and cheapest";
  EXPECT_TRUE(option(result, 128, 128, kFromScratch).on_front) << "the most accurate";
}

// Within a point of its parent, a pruned model pays at once: the parent is trained anyway.
TEST(RunStudy, BreakEvensAreAgainstModelsThatKeepMore) {
  const StudyResult& result = built_in().result;
  EXPECT_FALSE(result.break_even.empty());
  for (const StudyBreakEven& found : result.break_even) {
    const StudyOption& pruned = result.options[found.option];
    const StudyOption& scratch = result.options[found.scratch];
    EXPECT_LT(pruned.quality.kept, scratch.quality.kept);
    EXPECT_GE(found.quality_difference, -0.01 - 1e-9);
    if (pruned.quality.pretrained == scratch.quality.pretrained) {
      ASSERT_TRUE(found.pays_from);
      EXPECT_EQ(*found.pays_from, Tokens());
    }
  }
}

// With a tolerance of four points 64 -> 8 and 128 -> 8 stand in for 32 from scratch: the dearer
// pretraining comes back at (P_X - P_32) / (p_32 - p_8) tokens.
TEST(RunStudy, TrainingMorePaysFromTheCrossingOn) {
  const Answer answer = answer_of(study_with("quality_tolerance: 0.01", "quality_tolerance: 0.04"));
  const StudyResult& result = answer.result;
  bool seen = false;
  for (const StudyBreakEven& found : result.break_even) {
    const StudyOption& pruned = result.options[found.option];
    const StudyOption& scratch = result.options[found.scratch];
    if (pruned.quality.name() != "64 -> 8 by uncurl" || scratch.quality.kept != 32) {
      continue;
    }
    seen = true;
    const double expected = in_usd(result.pretraining[2].cost - result.pretraining[1].cost) /
                            (result.inference[1].per_token - result.inference[0].per_token).value();
    ASSERT_TRUE(found.pays_from);
    EXPECT_NEAR(in_tokens(*found.pays_from), std::max(0.0, expected), 1e-6 * std::abs(expected));
  }
  EXPECT_TRUE(seen);
}

TEST(RunStudy, ObjectivesBind) {
  // No floor: the most accurate.
  const Answer best = answer_of(study_with("  quality_floor: 0.63 ", "  # "));
  EXPECT_EQ(best.result.options[*best.result.recommended].quality.name(), "128 from scratch");
  // The latency of 64 experts, so 128 pruned to 64 is the best within it.
  const Answer fast = answer_of(study_with("  quality_floor: 0.63 ", "  latency: 120 ms\n  # "));
  const StudyOption& chosen = fast.result.options[*fast.result.recommended];
  EXPECT_LT(in_milliseconds(chosen.merit.latency), 120.0);
  EXPECT_EQ(chosen.quality.name(), "128 -> 64 by uncurl");
  // Nobody reaches 70 %.
  const Answer none = answer_of(study_with("quality_floor: 0.63", "quality_floor: 0.70"));
  EXPECT_FALSE(none.result.recommended);
  EXPECT_TRUE(none.result.by_lifetime.empty());
  EXPECT_THAT(none.result.reasons.front(), HasSubstr("None of 13 measured options"));
  // A floor is reached by what equals it.
  const Answer equal = answer_of(study_with("quality_floor: 0.63 ", "quality_floor: 0.6357 "));
  EXPECT_EQ(equal.result.options[*equal.result.recommended].quality.name(), "32 -> 8 by uncurl");
}

TEST(RunStudy, ABudgetOfPretrainingLeavesTheSmallerModels) {
  const Usd most = built_in().result.pretraining[1].cost;
  const Answer answer = answer_of(
      study_with("  quality_floor: 0.63 ",
                 "  pretraining_budget: " + std::to_string(in_usd(most) + 1) + " USD\n  # "));
  EXPECT_EQ(answer.result.options[*answer.result.recommended].quality.name(), "32 from scratch");
}

TEST(RunStudy, WhatCannotBeTrainedIsNotRecommended) {
  const Answer answer = answer_of(study_with("{value: [8, 32],", "{value: 32,"));
  const StudyOption& small = option(answer.result, 8, 8, kFromScratch);
  EXPECT_FALSE(small.works);
  EXPECT_THAT(small.why_not, HasSubstr("pretraining: 8 experts do not divide"));
  EXPECT_FALSE(small.on_front);
}

TEST(RunStudy, AssumptionsAreWarnings) {
  const std::vector<std::string>& warnings = built_in().result.warnings;
  EXPECT_THAT(warnings, Contains(HasSubstr("Assumed: pretraining.mfu = 0.3 (0.21 to 0.48)")));
  EXPECT_THAT(warnings, Contains(HasSubstr("Assumed: lifetime_tokens")));
  EXPECT_THAT(warnings, Contains(HasSubstr("standard errors of up to")));
}

const char* const kServing =
    "name: serving\n"
    "model: {architecture: paper-354m-128e, precision: bf16}\n"
    "pruning: {experts_kept: [8, 32, 64, 128], router: reinitialised}\n"
    "hardware: {gpu: a10, gpus: [1, 2]}\n"
    "workload: {rate: 20 requests/s, requests: 200, warmup_requests: 20,\n"
    "           input_tokens: {tokens: 256}, output_tokens: {tokens: 32}, source: test}\n"
    "objectives: {ttft_p99: 2 s, tpot_p99: 100 ms}\n"
    "prices: {book: 2026-11}\n";

// A serving scenario is planned: what a count costs is its cheapest design.
TEST(RunStudy, AServingScenarioIsPlanned) {
  const tests::TemporaryDirectory folder;
  folder.write("s.yaml", kServing);
  std::string text = tests::built_in_study();
  const std::size_t begin = text.find("  static_forward:");
  text.replace(begin, text.find("prices:") - begin, "  scenario: ./s.yaml\n");
  const PretrainingStudy study = load_pretraining_study(folder.write("study.yaml", text));
  ASSERT_TRUE(std::holds_alternative<Scenario>(study.inference));
  const StudyResult result = run_study(study);
  const Plan plan = make_plan(std::get<Scenario>(study.inference), {});
  ASSERT_EQ(result.inference.size(), 4u);
  for (const InferenceCost& cost : result.inference) {
    double cheapest = 1e300;
    for (const Design& design : plan.designs) {
      if (design.candidate.experts_kept == cost.kept) {
        cheapest = std::min(cheapest, design.money.usd_per_month);
      }
    }
    EXPECT_EQ(cost.why_not.empty(), cheapest < 1e300) << cost.kept;
    if (cost.why_not.empty()) {
      EXPECT_NEAR(in_usd_per_hour(cost.rent) * 730, cheapest, 1e-6 * cheapest);
      EXPECT_GT(cost.latency, Seconds());
      EXPECT_GT(cost.per_token, UsdPerToken());
    }
  }
  EXPECT_EQ(latency_name(study), "p99 TPOT");
  EXPECT_TRUE(result.recommended);
}

}  // namespace
}  // namespace moeplan::sim
