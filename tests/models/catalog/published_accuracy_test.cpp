// The published accuracies: the curves agree with the averages their papers print, and the paper's
// statements about the threshold are derived from its tables (paper.md 3, serving.md 6).
#include <gtest/gtest.h>

#include <cmath>

#include "models/accuracy/threshold.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/csv.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::models {
namespace {

ThresholdRule papers_rule() {
  ThresholdRule rule;
  rule.reference = ThresholdRule::Reference::from_scratch_same_size;
  return rule;  // six-task mean, tolerance 0, point estimate
}

TEST(PaperThreshold, FollowsFromTheTables) {
  const AccuracyTable table = load_accuracy_table("paper-superglue");
  const Threshold from_32 = threshold(table, "uncurl", 32, papers_rule());
  const Threshold from_64 = threshold(table, "uncurl", 64, papers_rule());
  const Threshold from_128 = threshold(table, "uncurl", 128, papers_rule());
  EXPECT_EQ(from_32.factor, 4.0);
  EXPECT_EQ(from_64.factor, 2.0);
  EXPECT_EQ(from_128.factor, 2.0);
  // 32->8: (66.48+69.13+58.96+50.65+66.34+69.86)/6 = 63.570 against 8e from scratch
  // (66.03+67.35+58.40+50.87+65.17+68.16)/6 = 62.663: 0.907 points; likewise 0.178 and 0.125.
  EXPECT_NEAR(from_32.verdicts[0].difference, 0.00907, 1e-5);
  EXPECT_NEAR(from_64.verdicts[0].difference, 0.00177, 1e-5);
  EXPECT_NEAR(from_128.verdicts[0].difference, 0.00133, 1e-5);
  // Beyond: 64->8, 128->32 and 128->8 lose against the same size from scratch.
  ASSERT_EQ(from_64.verdicts.size(), 2U);
  EXPECT_LT(from_64.verdicts[1].difference, 0.0);
  ASSERT_EQ(from_128.verdicts.size(), 3U);
  EXPECT_EQ(from_128.verdicts[1].factor, 4.0);
  EXPECT_FALSE(from_128.verdicts[1].holds);
  EXPECT_FALSE(from_128.verdicts[2].holds);
}

TEST(PaperThreshold, GreedyNeverHolds) {
  const AccuracyTable table = load_accuracy_table("paper-superglue");
  for (const std::int64_t pretrained : {32, 64, 128}) {
    EXPECT_EQ(threshold(table, "greedy", pretrained, papers_rule()).factor, 0.0) << pretrained;
  }
}

TEST(PaperThreshold, NoiseDoesNotExcludeNoGain) {
  // Unpaired binomial error of the six-task mean's difference: sqrt(sum over tasks of
  // (p1 q1 + p2 q2)/n)/6, n = 277, 3270, 100, 56, 10000, 104: about 2.3 points, so 0.9 points of
  // gain are inside the noise, and with a confidence no factor holds.
  const AccuracyTable table = load_accuracy_table("paper-superglue");
  ThresholdRule rule = papers_rule();
  rule.confidence = 0.95;
  for (const std::int64_t pretrained : {32, 64, 128}) {
    const Threshold found = threshold(table, "uncurl", pretrained, rule);
    EXPECT_EQ(found.factor, 0.0) << pretrained;
    const FactorVerdict& first = found.verdicts.front();
    EXPECT_NEAR(*first.standard_error, 0.023, 0.001);
    EXPECT_LT(*first.low, 0.0);
    EXPECT_GT(*first.high, 0.0);
  }
  EXPECT_FALSE(threshold(table, "uncurl", 32, papers_rule()).distinguishable);
}

TEST(PaperThreshold, DiffersByTask) {
  const AccuracyTable table = load_accuracy_table("paper-superglue");
  ThresholdRule rule = papers_rule();
  rule.mean_over_tasks = false;
  // From 32 experts every task but CB (50.65 against 50.87) beats the small model from scratch.
  EXPECT_EQ(threshold(table, "uncurl", 32, rule).factor, 0.0);
  for (const char* task : {"RTE", "BoolQ", "COPA", "ReCoRD", "WSC"}) {
    rule.task = task;
    EXPECT_EQ(threshold(table, "uncurl", 32, rule).factor, 4.0) << task;
  }
  rule.task = "CB";
  EXPECT_EQ(threshold(table, "uncurl", 32, rule).factor, 0.0);
}

TEST(PaperThreshold, RivalsAreComparedOnTheTasksTheyPrint) {
  // MC-SMoE prints RTE, BoolQ and COPA only: a six-task mean would be invented.
  const AccuracyTable table = load_accuracy_table("paper-superglue");
  EXPECT_THROW(threshold(table, "mc_smoe", 32, papers_rule()), InputError);
  ThresholdRule rule = papers_rule();
  rule.mean_over_tasks = false;
  rule.task = "RTE";  // 66.91 against 66.03
  EXPECT_EQ(threshold(table, "mc_smoe", 32, rule).factor, 4.0);
}

TEST(PaperCurve, IsAPartOfTheTable) {
  const AccuracyCurve curve = load_accuracy("paper-354m-32e-uncurl");
  EXPECT_EQ(curve.description().router, "reinitialised");
  EXPECT_TRUE(curve.description().finetuned);
  // Six-task means: 32e (66.86+68.27+59.13+51.86+67.75+70.87)/6 = 64.123, pruned 63.570.
  EXPECT_NEAR(curve.unpruned()->value, 0.64123, 1e-5);
  EXPECT_NEAR(curve.change(8)->value, 0.63570 - 0.64123, 2e-5);
  EXPECT_FALSE(curve.distinguishable(8));
}

TEST(Published, EveryCurveLoadsWithItsUnprunedModelAndABandOrTheReasonWhyNot) {
  const std::vector<std::string> ids = catalog_ids("accuracy");
  EXPECT_GE(ids.size(), 60U);
  for (const std::string& id : ids) {
    const AccuracyCurve curve = load_accuracy(id);
    EXPECT_EQ(curve.description().id, id);
    ASSERT_NE(curve.unpruned(), nullptr) << id;
    EXPECT_GE(curve.points().size(), 2U) << id;
    const std::string& band = curve.description().band;
    for (const AccuracyPoint& point : curve.points()) {
      EXPECT_EQ(point.standard_error.has_value(), band != "none") << id;
      EXPECT_EQ(point.samples > 0, band == "binomial") << id;
      EXPECT_FALSE(point.source.empty()) << id;
    }
    if (band == "none") {
      EXPECT_TRUE(curve.description().note.starts_with("no band: ")) << id;
      EXPECT_FALSE(curve.distinguishable(curve.smallest())) << id;  // never read as certainty
    }
  }
}

TEST(Published, ReapCodeCurveIsThePapersCodeAverage) {
  // Table A7 prints 0.558, 0.551, 0.541: the mean of the EvalPlus mean and LiveCodeBench, e.g.
  // (0.884 + 0.743)/4 + 0.302/2 = 0.55775.
  const AccuracyCurve curve = load_accuracy("qwen3-30b-a3b-reap-code");
  EXPECT_NEAR(curve.at(128)->value, 0.55775, 1e-9);
  EXPECT_NEAR(curve.at(96)->value, 0.551, 0.0011);
  EXPECT_NEAR(curve.at(64)->value, 0.541, 0.0011);
  // Half the experts cost 1.65 points; an unpaired error of about 2.7 points cannot tell.
  EXPECT_NEAR(curve.change(64)->value, -0.0165, 1e-6);
  EXPECT_FALSE(curve.distinguishable(64));
  // Error at 128: sqrt((.25^2 .884 .116/164) + (.25^2 .743 .257/378) + (.5^2 .302 .698/182)).
  EXPECT_NEAR(*curve.unpruned()->standard_error,
              std::sqrt(0.0625 * 0.884 * 0.116 / 164 + 0.0625 * 0.743 * 0.257 / 378 +
                        0.25 * 0.302 * 0.698 / 182),
              1e-12);
}

TEST(Published, CollapsesAreDistinguishable) {
  // HC-SMoE at 64 of 128 experts loses 19 points on code: no noise.
  EXPECT_TRUE(load_accuracy("qwen3-30b-a3b-hc-smoe-code").distinguishable(64));
  EXPECT_EQ(load_accuracy("qwen3-30b-a3b-hc-smoe-code").description().router, "merged_logits");
}

TEST(Published, ThresholdsOfTheDiepTable) {
  // Means of four tasks: full 65.025, DiEP 63.825 at 6 of 8 and 59.925 at 4; M-SMoE 59.975 and
  // frequency 55.225 at 6. Within 2 points of the full model only DiEP holds, at 8/6.
  const AccuracyTable table = load_accuracy_table("mixtral-8x7b-diep");
  ThresholdRule rule;
  rule.tolerance = 0.02;
  const Threshold diep = threshold(table, "diep", 8, rule);
  EXPECT_NEAR(diep.factor, 8.0 / 6.0, 1e-12);
  EXPECT_NEAR(diep.verdicts[0].difference, -0.01200, 1e-6);
  EXPECT_EQ(threshold(table, "m_smoe", 8, rule).factor, 0.0);
  EXPECT_EQ(threshold(table, "frequency", 8, rule).factor, 0.0);
  // The curve of the same rows agrees.
  EXPECT_EQ(threshold(load_accuracy("mixtral-8x7b-diep-mc4"), rule).factor, diep.factor);
  // An unpaired error of 1.25 points: with 95 % confidence 2 points of loss are not excluded.
  rule.confidence = 0.95;
  EXPECT_EQ(threshold(table, "diep", 8, rule).factor, 0.0);
  // Every task must hold: OpenBookQA loses 2.3 points, MMLU 3.0.
  rule.confidence.reset();
  rule.mean_over_tasks = false;
  EXPECT_EQ(threshold(table, "diep", 8, rule).factor, 0.0);
  rule.task = "RTE";  // 71.5 -> 70.7 (0.8 lost) -> 68.2 (3.3 lost)
  EXPECT_NEAR(threshold(table, "diep", 8, rule).factor, 8.0 / 6.0, 1e-12);
}

TEST(Published, CalibrationDecidesWhatSurvives) {
  // REAP at 64 of 128 experts: calibrated on web text EvalPlus falls from 0.814 to 0.329, on code
  // the code average loses 1.65 points. Same model, same method.
  EXPECT_TRUE(load_accuracy("qwen3-30b-a3b-reap-c4-evalplus").distinguishable(64));
  EXPECT_FALSE(load_accuracy("qwen3-30b-a3b-reap-code").distinguishable(64));
}

TEST(Published, MethodsAreAveragedOverTheirOwnTasks) {
  // Sub-MoE prints no PIQA; its curve compares six tasks, the unpruned model's included:
  // (56.7+84.1+64.9+85.4+77.2+67.9)/6 = 72.7.
  const AccuracyCurve curve = load_accuracy("mixtral-8x7b-sub-moe-mc7");
  EXPECT_EQ(curve.description().tasks.size(), 6U);
  EXPECT_EQ(curve.description().router, "merged_logits");
  EXPECT_NEAR(curve.unpruned()->value, 0.727, 1e-9);
}

TEST(TopK, IsNotPruning) {
  const TopKCurve curve = load_top_k_curve("qwen3-30b-a3b-instruct-2507-generation");
  EXPECT_EQ(curve.experts(), 128);
  EXPECT_EQ(curve.trained_top_k(), 8);
  // Printed means of seven: 70.2, 70.0, 65.49, 14.0.
  EXPECT_NEAR(curve.at(8)->value, 0.702, 5e-5);
  EXPECT_NEAR(curve.at(4)->value, 0.6549, 5e-4);
  EXPECT_NEAR(curve.change(6)->value, -0.002, 5e-5);
  EXPECT_FALSE(curve.distinguishable(6));
  EXPECT_TRUE(curve.distinguishable(2));  // below half the trained top-k: a cliff
  EXPECT_FALSE(curve.at(1));              // not measured
  for (const std::string& id : catalog_ids("accuracy/top_k")) {
    EXPECT_NO_THROW(load_top_k_curve(id)) << id;
  }
}

TEST(TopK, CannotBeTakenForAPruningCurve) {
  const std::string path =
      (data_dir() / "accuracy/top_k/qwen3-30b-a3b-instruct-2507-mc.yaml").string();
  moeplan::tests::expect_input_error([&] { load_accuracy(path); }, "E_SCHEMA",
                                     "moeplan.accuracy_curve");
}

// The printed averages of the shared figures, where the curves hold the tasks they average.
struct Printed {
  const char* curve;
  const char* source;  // beginning of the row's source
  const char* method;
  const char* task;
  double scale;
};

TEST(Published, CurvesAgreeWithThePrintedAverages) {
  const auto shared = moeplan::tests::shared_dir();
  if (!shared) {
    GTEST_SKIP() << moeplan::tests::kNoShared;
  }
  const std::vector<Printed> printed = {
      {"qwen3-30b-a3b-reap-code", "REAP arXiv:2510.13999v2 Table A7", "REAP", "Code average", 1},
      {"qwen3-30b-a3b-ean-code", "REAP arXiv:2510.13999v2 Table A7", "EAN", "Code average", 1},
      {"qwen3-30b-a3b-hc-smoe-mc", "REAP arXiv:2510.13999v2 Table A6", "HC-SMoE (merge)",
       "MC average", 1},
      {"qwen3-30b-a3b-reap-mc", "REAP arXiv:2510.13999v2 Table A6", "REAP", "MC average", 1},
      {"mixtral-8x7b-naee", "PuzzleMoE paper Table 2", "NAEE", "Average", 100},
      {"mixtral-8x7b-naee-diep", "DiEP paper Table 1", "NAEE", "Average", 100},
      {"mixtral-8x7b-m-smoe-mc4", "DiEP paper Table 1", "M-SMoE (merge)", "Average", 100},
      {"mixtral-8x7b-diep-mc4", "DiEP paper Table 1", "DiEP (non-uniform; kept = mean per layer)",
       "Average", 100},
      {"mixtral-8x7b-instruct-diep-mc4", "DiEP paper Table 1",
       "DiEP (non-uniform; kept = mean per layer)", "Average", 100},
      {"mixtral-8x7b-instruct-naee-mc4", "DiEP paper Table 1", "NAEE", "Average", 100},
      {"mixtral-8x7b-hc-smoe-mc7", "PuzzleMoE paper Table 2", "HC-SMoE (merge)", "Average", 100},
      {"mixtral-8x7b-puzzlemoe-mc7", "PuzzleMoE paper Table 2", "PuzzleMoE (sparse merge)",
       "Average", 100},
      {"qwen1.5-moe-a2.7b-puzzlemoe-mc7", "PuzzleMoE paper Table 2", "PuzzleMoE (sparse merge)",
       "Average", 100},
      {"qwen1.5-moe-a2.7b-hc-smoe-mc7", "PuzzleMoE paper Table 2", "HC-SMoE (merge)", "Average",
       100},
      {"qwen3-30b-a3b-puzzlemoe-mc7", "PuzzleMoE paper Table 2", "PuzzleMoE (sparse merge)",
       "Average", 100},
  };
  const text::CsvTable csv = text::CsvTable::load(*shared / "data/open/accuracy/accuracy_open.csv");
  for (const Printed& p : printed) {
    const AccuracyCurve curve = load_accuracy(p.curve);
    int compared = 0;
    for (std::size_t row = 0; row < csv.rows(); ++row) {
      if (csv.cell(row, csv.column("source")).starts_with(p.source) &&
          csv.cell(row, csv.column("model")) == curve.description().model &&
          csv.cell(row, csv.column("method")) == p.method &&
          csv.cell(row, csv.column("task")) == p.task) {
        const std::int64_t kept = csv.count(row, csv.column("experts_kept"));
        // Two roundings to three places, or to one of a percentage.
        EXPECT_NEAR(curve.at(kept)->value, csv.number(row, csv.column("value")) / p.scale, 0.0015)
            << p.curve << " " << kept;
        ++compared;
      }
    }
    EXPECT_EQ(compared, 2) << p.curve;
  }
}

}  // namespace
}  // namespace moeplan::models
