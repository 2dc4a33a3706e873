// Results of lm-evaluation-harness (design: formats.md 1.4): every known trap ends in an error or
// in a note, never in a number that nobody measured.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/accuracy/accuracy_table.hpp"
#include "models/accuracy/harness_curve.hpp"
#include "tests/models/accuracy/harness_files.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::models {
namespace {

using moeplan::tests::expect_input_error;
using moeplan::tests::TemporaryDirectory;
using testing::HasSubstr;
using tests::HarnessFile;

HarnessCurveOptions options() {
  HarnessCurveOptions options;
  options.description.model = "Test-MoE";
  options.description.method = "REAP";
  options.description.router = "sliced";
  options.description.pretrained_experts = 8;
  options.description.top_k = 2;
  return options;
}

class Harness : public testing::Test {
 protected:
  HarnessResults read(const HarnessFile& file, const std::string& name = "results_1.json") {
    return read_harness_results(dir_.write(name, file.text()));
  }
  // 8 experts: good, 4 experts: as changed.
  HarnessCurve curve(const HarnessFile& full, const HarnessFile& pruned,
                     const HarnessCurveOptions& asked = options()) {
    return harness_curve({{8, read(full, "results_8.json")}, {4, read(pruned, "results_4.json")}},
                         asked);
  }
  TemporaryDirectory dir_;
};

TEST_F(Harness, MakesACurveWithTheHarnessesErrors) {
  HarnessFile full;
  HarnessFile pruned;
  pruned.results["boolq"] = R"({"alias": "boolq", "acc,none": 0.80, "acc_stderr,none": 0.02})";
  const HarnessCurve made = curve(full, pruned);
  ASSERT_EQ(made.file.points.size(), 2u);
  EXPECT_EQ(made.file.points[0].experts_kept, 8);
  EXPECT_EQ(made.file.points[1].values.at("boolq"), 0.80);
  EXPECT_EQ(made.file.points[1].standard_errors.at("boolq"), 0.02);
  EXPECT_EQ(made.file.points[1].values.at("rte"), 0.7);
  // sqrt(0.02^2 + 0.03^2) / 2
  EXPECT_NEAR(aggregate_error(made.file.description.tasks, made.file.points[1].standard_errors),
              std::hypot(0.02, 0.03) / 2, 1e-12);
  EXPECT_EQ(made.file.description.tasks[0].samples, 400);
  EXPECT_TRUE(made.notes.empty());
  EXPECT_THAT(made.file.sources.at("run_4"), HasSubstr("lm-evaluation-harness 0.4.9"));
  EXPECT_THAT(curve_json(made.file).pretty(), HasSubstr("\"band\": \"measured\""));
}

TEST_F(Harness, AMissingTaskIsAnErrorNotZero) {
  HarnessFile pruned;
  pruned.results.erase("rte");
  expect_input_error([&] { curve({}, pruned); }, "E_VALUE", "results_4.json", "rte");
}

TEST_F(Harness, AMissingMetricIsAnErrorNotZero) {
  HarnessFile pruned;
  pruned.results["rte"] = R"({"alias": "rte", "f1,none": 0.7})";
  HarnessFile full;
  full.results["rte"] = R"({"alias": "rte", "acc,none": 0.7})";
  expect_input_error([&] { curve(full, pruned); }, "E_VALUE", "results_4.json", "acc,none");
  pruned.results["rte"] = R"({"alias": "rte"})";
  expect_input_error([&] { curve(full, pruned); }, "E_VALUE", "carries no metric");
  pruned.results["rte"] = R"({"alias": "rte", "acc,none": "N/A"})";
  expect_input_error([&] { curve(full, pruned); }, "E_VALUE", "carries no metric");
}

// lm-eval issue 3986: a group may carry none.
TEST_F(Harness, AGroupWithoutAMetricIsLeftToItsTasks) {
  HarnessFile file;
  file.results["glue"] = R"({"alias": "glue", " ": " "})";
  file.groups["glue"] = R"(["boolq", "rte"])";
  const HarnessCurve made = harness_curve({{8, read(file)}}, options());
  ASSERT_EQ(made.file.description.tasks.size(), 2u);
  EXPECT_THAT(made.notes.at(0), HasSubstr("glue carries no metric"));
  HarnessCurveOptions named = options();
  named.tasks = {"glue"};
  expect_input_error(
      [&] {
        harness_curve({{8, read(file)}}, named);
      },
      "E_VALUE", "carries no metric", "boolq, rte");
  file.groups["glue"] = R"(["boolq", "wic"])";
  expect_input_error([&] { harness_curve({{8, read(file)}}, options()); }, "E_VALUE", "wic");
}

// Its tasks are not counted a second time; its samples are theirs.
TEST_F(Harness, AGroupWithAMetricStandsForItsTasks) {
  HarnessFile file;
  file.results["glue"] = R"({"alias": "glue", "acc,none": 0.75, "acc_stderr,none": 0.01})";
  file.groups["glue"] = R"(["boolq", "rte"])";
  const HarnessCurve made = harness_curve({{8, read(file)}}, options());
  ASSERT_EQ(made.file.description.tasks.size(), 1u);
  EXPECT_EQ(made.file.description.tasks[0].name, "glue");
  EXPECT_EQ(made.file.description.tasks[0].samples, 677);
}

// awsome-distributed-ai pull request 1232: prefixes merged variants of a task.
TEST_F(Harness, TaskNamesAreExact) {
  HarnessFile file;
  file.results["mmlu_pro"] = R"({"alias": "mmlu_pro", "acc,none": 0.4, "acc_stderr,none": 0.01})";
  HarnessCurveOptions named = options();
  named.tasks = {"mmlu"};
  expect_input_error(
      [&] {
        harness_curve({{8, read(file)}}, named);
      },
      "E_VALUE", "no such task", "did you mean 'mmlu_pro'");
  named.tasks = {"rte", "rte"};
  expect_input_error([&] { harness_curve({{8, read(file)}}, named); }, "E_VALUE", "named twice");
}

TEST_F(Harness, SeveralMetricsMustBeChosen) {
  HarnessFile file;
  file.results["hellaswag"] = R"({"acc,none": 0.5, "acc_stderr,none": 0.01, )"
                              R"("acc_norm,none": 0.6, "acc_norm_stderr,none": 0.01})";
  expect_input_error(
      [&] {
        harness_curve({{8, read(file)}}, options());
      },
      "E_VALUE", "several metrics", "--metric hellaswag=METRIC");
  HarnessCurveOptions chosen = options();
  chosen.metrics["hellaswag"] = "acc_norm,none";
  EXPECT_EQ(harness_curve({{8, read(file)}}, chosen).file.points[0].values.at("hellaswag"), 0.6);
  // The metric of one filter is not that of another.
  file.results["hellaswag"] = R"({"exact_match,strict-match": 0.5, "exact_match,flexible": 0.6})";
  chosen.metrics["hellaswag"] = "exact_match,strict";
  expect_input_error(
      [&] {
        harness_curve({{8, read(file)}}, chosen);
      },
      "E_VALUE", "exact_match,strict-match");
}

TEST_F(Harness, SuperGluesMetricsAreKnown) {
  HarnessFile file;
  file.results["record"] = R"({"f1,none": 0.62, "f1_stderr,none": 0.01, "em,none": 0.60})";
  EXPECT_EQ(harness_curve({{8, read(file)}}, options()).file.points[0].values.at("record"), 0.62);
}

TEST_F(Harness, NoStandardErrorIsBinomialOrNoBandAndSaid) {
  HarnessFile file;
  file.results["rte"] = R"({"acc,none": 0.7, "acc_stderr,none": "N/A"})";
  HarnessCurve made = harness_curve({{8, read(file)}}, options());
  EXPECT_NEAR(made.file.points[0].standard_errors.at("rte"), std::sqrt(0.7 * 0.3 / 277), 1e-12);
  EXPECT_THAT(made.file.description.note, HasSubstr("binomial instead: rte"));
  file.samples.erase("rte");
  made = harness_curve({{8, read(file)}}, options());
  EXPECT_FALSE(made.file.points[0].standard_errors.contains("rte"));
  EXPECT_THAT(made.file.description.note, HasSubstr("No band"));
  EXPECT_THAT(curve_json(made.file).pretty(), HasSubstr("\"band\": \"none\""));
}

TEST_F(Harness, APartialRunIsNotedAndNotMixed) {
  HarnessFile partial;
  partial.limit = "100.0";
  EXPECT_THAT(curve(partial,
                    [&] {
                      HarnessFile other = partial;
                      other.model = "pruned";
                      return other;
                    }())
                  .file.description.note,
              HasSubstr("Partial runs: config.limit is 100.0"));
  expect_input_error([&] { curve({}, partial); }, "E_VALUE", "different parts", "none, as in");
}

TEST_F(Harness, RunsThatAreNotComparableAreNotJoined) {
  for (const char* key : {"version", "shots", "hash"}) {
    HarnessFile pruned;
    (key == std::string("version") ? pruned.version
     : key == std::string("shots") ? pruned.shots
                                   : pruned.hash) = "\"9\"";
    expect_input_error([&] { curve({}, pruned); }, "E_VALUE", "not comparable", "9");
  }
  HarnessFile fewer;
  fewer.samples["rte"] = 200;
  expect_input_error([&] { curve({}, fewer); }, "E_VALUE", "200 samples", "277 samples");
}

TEST_F(Harness, WhatIsNoAccuracyIsRefused) {
  HarnessFile file;
  file.results["rte"] = R"({"acc,none": 70.0})";
  expect_input_error([&] { harness_curve({{8, read(file)}}, options()); }, "E_VALUE", "0 to 1");
  file.results["rte"] = R"({"word_perplexity,none": 0.9})";
  file.lower_is_better = {"rte", "word_perplexity"};
  expect_input_error(
      [&] {
        harness_curve({{8, read(file)}}, options());
      },
      "E_VALUE", "lower is better");
  file.results["rte"] = R"({"acc,none": NaN})";
  expect_input_error([&] { read(file); }, "E_SYNTAX", "results_1.json");
  file.results["rte"] = R"({"acc": 0.7, "acc_stderr": 0.02})";
  expect_input_error([&] { harness_curve({{8, read(file)}}, options()); }, "E_VALUE", "before 0.4");
}

TEST_F(Harness, LevelsAreOfTheModelAndOfTheirOwn) {
  const HarnessResults run = read({});
  expect_input_error([&] { harness_curve({{1, run}}, options()); }, "E_VALUE", "top_k 2 to 8");
  expect_input_error([&] { harness_curve({{9, run}}, options()); }, "E_VALUE", "top_k 2 to 8");
  expect_input_error(
      [&] {
        harness_curve({{4, run}, {4, run}}, options());
      },
      "E_VALUE", "two runs");
  expect_input_error(
      [&] {
        harness_curve({{8, run}, {4, run}}, options());
      },
      "E_VALUE", "the same results");
  EXPECT_THAT(harness_curve({{4, run}}, options()).notes.at(0), HasSubstr("unpruned"));
}

TEST_F(Harness, ADirectoryHoldsOneRun) {
  std::filesystem::create_directories(dir_ / "out" / "org__model");
  expect_input_error([&] { read_harness_results(dir_ / "out"); }, "E_VALUE", "none");
  dir_.write("out/org__model/results_2026-11-29T10-00-00.json", HarnessFile().text());
  EXPECT_EQ(read_harness_results(dir_ / "out").model, "org/model");
  dir_.write("out/org__model/samples_rte_2026-11-29T10-00-00.jsonl", "{}\n");
  EXPECT_EQ(read_harness_results(dir_ / "out").tasks.size(), 2u);
  dir_.write("out/org__model/results_2026-11-30T10-00-00.json", HarnessFile().text());
  expect_input_error([&] { read_harness_results(dir_ / "out"); }, "E_VALUE", "exactly one");
}

TEST_F(Harness, OtherFilesAreRefused) {
  expect_input_error([&] { read_harness_results(dir_.write("a.json", "{\"results\": {}}")); },
                     "E_MISSING", "/results");
  expect_input_error([&] { read_harness_results(dir_.write("b.json", "[1, 2]")); }, "E_MISSING",
                     "/results");
  expect_input_error([&] { read_harness_results(dir_ / "no.json"); }, "E_IO", "no.json");
}

}  // namespace
}  // namespace moeplan::models
