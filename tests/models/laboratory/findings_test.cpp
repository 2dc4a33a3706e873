// Means, intervals and thresholds of hand-made rows.
#include "models/laboratory/findings.hpp"

#include <gtest/gtest.h>

#include "models/laboratory/lab_curves.hpp"

namespace moeplan::models {
namespace {

// Two seeds, two tasks, sizes 1, 2, 4; 4 experts are pruned to 2 by uncurl and frequency.
struct Made {
  LabResult result;
  Made() {
    LaboratoryOptions& o = result.options;
    o.problem.tasks = 2;
    o.sizes = {1, 2, 4};
    o.pruned = {4};
    o.methods = {PruningMethod::uncurl, PruningMethod::frequency};
    o.routers = {RouterMode::sliced};
    o.seeds = 2;
    o.test_samples = 100;
    result.bayes = {{0.9, 0.9}, {0.9, 0.9}};
    result.bayes_pretraining = {0.95, 0.95};
    result.dropped = {{0.0, 0.0, 0.1}, {0.0, 0.0, 0.3}};
    result.pretrained = {{0.5, 0.6, 0.7}, {0.5, 0.6, 0.7}};
    unpruned(1, {0.50, 0.50});
    unpruned(2, {0.60, 0.64});
    unpruned(4, {0.70, 0.70});
    pruned("uncurl", {0.62, 0.65});  // +0.02 and +0.01 against from scratch
    pruned("frequency", {0.58, 0.63});
  }
  // by_seed: the same for both tasks but 0.02 apart.
  void add(const std::string& method, const std::string& router, std::int64_t pretrained,
           std::int64_t kept, const std::vector<double>& by_seed) {
    for (std::int64_t s = 0; s < 2; ++s) {
      for (std::int64_t t = 0; t < 2; ++t) {
        result.rows.push_back(
            {.seed = s,
             .task = t,
             .method = method,
             .router = router,
             .pretrained = pretrained,
             .kept = kept,
             .before = 0.4,
             .accuracy = by_seed[static_cast<std::size_t>(s)] + (t == 0 ? 0.01 : -0.01)});
      }
    }
  }
  void unpruned(std::int64_t size, const std::vector<double>& by_seed) {
    add(kNotPruned, "trained", size, size, by_seed);
  }
  void pruned(const std::string& method, const std::vector<double>& by_seed) {
    add(method, "sliced", 4, 2, by_seed);
  }
};

TEST(Findings, DifferencesArePairedWithinSeeds) {
  const LabFindings found = findings(Made().result);
  ASSERT_EQ(found.pruned.size(), 2u);
  const PrunedFinding& uncurl = found.pruned[0];
  EXPECT_EQ(uncurl.method, "uncurl");
  EXPECT_NEAR(uncurl.accuracy->mean, 0.635, 1e-12);
  EXPECT_NEAR(uncurl.against_scratch->mean, 0.015, 1e-12);
  // sd of {0.02, 0.01} is 0.00707107, of the mean 0.005; t(1) at 0.95 is 12.7062.
  EXPECT_NEAR(*uncurl.against_scratch->low, 0.015 - 12.7062 * 0.005, 1e-6);
  EXPECT_NEAR(uncurl.against_unpruned->mean, -0.065, 1e-12);
  EXPECT_NEAR(uncurl.against_greedy->mean, 0.03, 1e-12);
  EXPECT_FALSE(found.pruned[1].against_greedy);
  EXPECT_NEAR(found.sizes[2].against_dense.mean, 0.20, 1e-12);
  EXPECT_NEAR(found.sizes[2].dropped, 0.2, 1e-12);
}

TEST(Findings, ThresholdsHaveIntervals) {
  const LabFindings found = findings(Made().result);
  ASSERT_EQ(found.thresholds.size(), 2u);
  EXPECT_EQ(found.thresholds[0].from_scratch.factor, 2.0);      // +0.015
  EXPECT_EQ(found.thresholds[0].from_scratch.low_factor, 0.0);  // not by the lower end
  EXPECT_EQ(found.thresholds[0].from_scratch.high_factor, 2.0);
  EXPECT_EQ(found.thresholds[1].from_scratch.factor, 0.0);  // -0.015
  EXPECT_EQ(found.thresholds[0].unpruned.factor, 0.0);      // -0.065, tolerance 0.02
}

TEST(Findings, AnswerTheQuestions) {
  const LabFindings found = findings(Made().result);
  std::string all;
  for (const std::string& statement : found.statements) {
    all += statement + "\n";
  }
  // 0.20 without spread: it does. uncurl minus frequency: 0.04 and 0.02, interval 12.7 x 0.01.
  EXPECT_NE(all.find("+20.00 points [+20.00, +20.00], it does"), std::string::npos) << all;
  EXPECT_NE(all.find("router sliced: +3.00 points"), std::string::npos) << all;
  EXPECT_NE(all.find("1 pairs of counts: not distinguishable"), std::string::npos) << all;
  EXPECT_NE(all.find("2 from 4 experts (interval none to 2)"), std::string::npos) << all;
}

TEST(Findings, ARefusedRunLeavesNoMeanAndDoesNotHold) {
  Made made;
  for (LabRow& row : made.result.rows) {
    if (row.method == "uncurl" && row.seed == 1 && row.task == 1) {
      row.refused = "no token chose expert 3";
      row.accuracy.reset();
      row.before.reset();
    }
  }
  const LabFindings found = findings(made.result);
  EXPECT_EQ(found.pruned[0].refused, 1);
  EXPECT_FALSE(found.pruned[0].accuracy);
  EXPECT_EQ(found.thresholds[0].from_scratch.factor, 0.0);
  EXPECT_EQ(found.thresholds[0].from_scratch.high_factor, 0.0);
  // No point, no curve.
  const auto curves = lab_curves(made.result, found, [](std::int64_t) { return ""; });
  ASSERT_EQ(curves.size(), 1u);
  EXPECT_EQ(curves[0].id, "frequency-sliced-4");
}

TEST(Findings, CurvesHaveTheErrorsBetweenSeeds) {
  const Made made;
  const auto curves =
      lab_curves(made.result, findings(made.result), [](std::int64_t) { return "x/config.json"; });
  ASSERT_EQ(curves.size(), 2u);
  const CurveFile& file = curves[0].file;
  ASSERT_EQ(file.points.size(), 2u);
  EXPECT_EQ(file.points[1].experts_kept, 4);
  // uncurl {0.62, 0.65}: sd 0.0212132, of the mean 0.015.
  EXPECT_NEAR(file.points[0].standard_errors.at("mean of 2 tasks"), 0.015, 1e-12);
  EXPECT_EQ(file.description.tasks[0].samples, 400);
}

}  // namespace
}  // namespace moeplan::models
