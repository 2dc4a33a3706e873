// From measurements to a release, as a user runs it: lm-evaluation-harness results become a curve
// (import accuracy), the curve passes or fails a gate, and with a pruning_plan.json it changes what
// `plan` recommends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/pruning/plan_json.hpp"
#include "models/text/load.hpp"
#include "tests/app/json_values.hpp"
#include "tests/app/process.hpp"
#include "tests/models/accuracy/harness_files.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using models::tests::HarnessFile;
using testing::HasSubstr;

// Mixtral-8x7B, evaluated whole and with 4 of 8 experts.
class Release : public testing::Test {
 protected:
  Release() {
    dir_.write("results_8.json", HarnessFile().text());
    set_pruned(0.82, 0.68);
  }

  void set_pruned(double boolq, double rte) {
    HarnessFile pruned;
    pruned.model = "org/pruned";
    pruned.results["boolq"] =
        fmt::format(R"({{"alias": "boolq", "acc,none": {}, "acc_stderr,none": 0.019}})", boolq);
    pruned.results["rte"] =
        fmt::format(R"({{"alias": "rte", "acc,none": {}, "acc_stderr,none": 0.03}})", rte);
    dir_.write("results_4.json", pruned.text());
  }

  Finished import_curve(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"import",
                                      "accuracy",
                                      "8=" + (dir_ / "results_8.json").string(),
                                      "4=" + (dir_ / "results_4.json").string(),
                                      "--architecture",
                                      "mixtral-8x7b",
                                      "--method",
                                      "uncurl",
                                      "--router",
                                      "sliced",
                                      "-o",
                                      dir_ / "curve.json"};
    words.insert(words.end(), more.begin(), more.end());
    return run_moeplan(words);
  }

  Finished gate(std::vector<std::string> more) {
    std::vector<std::string> words = {"gate", "--curve", dir_ / "curve.json"};
    words.insert(words.end(), more.begin(), more.end());
    return run_moeplan(words);
  }

  // 4 of 8 experts in all 32 layers, neighbours merged.
  void write_plan() {
    models::PrunedModelFile file{.router = models::RouterMode::sliced, .layout = "huggingface"};
    for (std::int64_t l = 0; l < 32; ++l) {
      models::PrunedLayer layer;
      layer.plan = {.layer = l, .experts = 8};
      for (std::int32_t k = 0; k < 4; ++k) {
        layer.plan.kept.push_back({2 * k, {2 * k, 2 * k + 1}, {0.5, 0.5}});
        layer.routing.pairs.push_back(250);
      }
      layer.top_k = 2;
      layer.tokens = 500;
      layer.selected.assign(8, 125);
      layer.routing.effective_top_k = 2.0;
      file.layers.push_back(std::move(layer));
    }
    dir_.write("pruning_plan.json", models::pruning_plan_json(file).pretty());
  }

  Finished plan(const std::string& pruning) {
    const auto scenario = dir_.write(
        "scenario.yaml",
        "name: release\nmodel: {architecture: mixtral-8x7b, precision: bf16}\n" + pruning +
            "accuracy: {curve: ./curve.json}\nhardware: {gpu: h100-sxm, gpus: [1, 2]}\n"
            "workload:\n  rate: 60 requests/s\n  requests: 300\n  input_tokens: {tokens: 500}\n"
            "  output_tokens: {tokens: 100}\n"
            "objectives: {ttft_p99: 2 s, accuracy_loss: 0.05}\nprices: {book: 2026-11}\n");
    return run_moeplan({"plan", scenario, "--format", "json"});
  }

  TemporaryDirectory dir_;
};

TEST_F(Release, ImportsACurveThatInspectReads) {
  const Finished run = import_curve();
  ASSERT_EQ(run.exit_code, 0) << run.err;
  // (0.82 + 0.68) / 2 = 75 %, sqrt(0.019^2 + 0.03^2) / 2 = 1.78 points.
  EXPECT_THAT(run.out, HasSubstr("75.00"));
  EXPECT_THAT(run.out, HasSubstr("1.78"));
  const Finished shown =
      run_moeplan({"inspect", "accuracy", dir_ / "curve.json", "--format", "json"});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  const text::Document page = text::parse_json(shown.out, "stdout");
  EXPECT_EQ(number(at(page.root, "points").items.at(0), "experts_kept"), 4.0);
  // 1.959964 x sqrt(0.019^2 + 0.03^2) / 2 = 0.0347997.
  EXPECT_NEAR(number(at(page.root, "points").items.at(0), "accuracy_low"), 0.75 - 0.0347997, 1e-6);
  EXPECT_EQ(at(page.root, "band").scalar, "measured");
}

TEST_F(Release, ImportRefusesWhatIsNoLevelAndWritesNothing) {
  EXPECT_EQ(import_curve({"boolq.json"}).exit_code, 3);
  EXPECT_EQ(import_curve({"--top-k", "1"}).exit_code, 3);
  EXPECT_EQ(import_curve({"--task", "copa"}).exit_code, 3);
  EXPECT_EQ(run_moeplan({"import"}).exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "curve.json"));
}

TEST_F(Release, TheGatePassesAndFails) {
  ASSERT_EQ(import_curve().exit_code, 0);
  const Finished good = gate({"--min", "0.70", "--confidence", "0.95"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_THAT(good.out, HasSubstr("PASS: 4 of 8 experts"));
  const Finished bad = gate({"--min", "0.74", "--confidence", "0.95"});
  EXPECT_EQ(bad.exit_code, 5);
  EXPECT_THAT(bad.out, HasSubstr("FAIL"));
  EXPECT_THAT(bad.out, HasSubstr("the lower end misses it by"));
  EXPECT_EQ(gate({"--min", "0.74", "--confidence", "point"}).exit_code, 0);
  const Finished json = gate({"--min", "0.74", "--max-loss", "0.10", "--format", "json"});
  EXPECT_EQ(json.exit_code, 5);
  const text::Document page = text::parse_json(json.out, "stdout");
  EXPECT_EQ(at(page.root, "passes").scalar, "false");
  EXPECT_EQ(at(at(page.root, "verdicts").items.at(1), "passes").scalar, "true");
  EXPECT_EQ(number(at(page.root, "threshold"), "factor"), 2.0);
  EXPECT_EQ(gate({}).exit_code, 3);
  EXPECT_EQ(gate({"--min", "0.5", "--confidence", "2"}).exit_code, 2);
  EXPECT_EQ(gate({"--min", "0.5", "--experts-kept", "3"}).exit_code, 3);
}

// Mixtral in bf16 is 93 GB: two H100. With 4 experts it fits one, if its accuracy is allowed.
TEST_F(Release, APruningPlanAndAMeasuredCurveChangeTheRecommendation) {
  write_plan();
  ASSERT_EQ(import_curve().exit_code, 0);
  const Finished unpruned = plan("");
  ASSERT_EQ(unpruned.exit_code, 0) << unpruned.err;
  const text::Document before = text::parse_json(unpruned.out, "stdout");
  const text::Node& baseline = at(before.root, "recommendation");
  EXPECT_EQ(number(baseline, "experts_kept"), 8.0);

  // Loses 2 points of the 5 allowed: recommended, cheaper, with the curve's accuracy and interval.
  const Finished good = plan("pruning: {plan: ./pruning_plan.json}\n");
  ASSERT_EQ(good.exit_code, 0) << good.err;
  const text::Document after = text::parse_json(good.out, "stdout");
  const text::Node& chosen = at(after.root, "recommendation");
  EXPECT_EQ(number(chosen, "experts_kept"), 4.0);
  EXPECT_LT(number(chosen, "cost_usd_per_month"), number(baseline, "cost_usd_per_month"));
  EXPECT_NEAR(number(chosen, "accuracy"), 0.75, 1e-12);
  EXPECT_NEAR(number(chosen, "accuracy_low"), 0.75 - 0.0347997, 1e-6);

  // The same plan, evaluated at 12 points less: back to 8 experts, and accuracy is the reason.
  set_pruned(0.70, 0.60);
  ASSERT_EQ(import_curve().exit_code, 0);
  const Finished bad = plan("pruning: {plan: ./pruning_plan.json}\n");
  ASSERT_EQ(bad.exit_code, 0) << bad.err;
  const text::Document back = text::parse_json(bad.out, "stdout");
  EXPECT_EQ(number(at(back.root, "recommendation"), "experts_kept"), 8.0);
  EXPECT_EQ(at(at(back.root, "recommendation"), "binding_constraint").scalar, "accuracy");
}

}  // namespace
}  // namespace moeplan::tests
