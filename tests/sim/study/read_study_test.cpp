// Study files: what is refused, and where the message points.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/study/study_text.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::sim {
namespace {

using ::testing::ElementsAre;
using tests::expect_input_error;
using tests::study_of;
using tests::study_with;

void refused(const std::string& what, const std::string& by, const std::string& code,
             const std::string& first, const std::string& second) {
  const std::string text = study_with(what, by);
  expect_input_error([&] { study_of(text); }, code, "study.yaml:", first, second);
}

TEST(ReadStudy, TheBuiltInOneIsWhole) {
  const PretrainingStudy study = study_of(tests::built_in_study());
  EXPECT_THAT(study.pretraining.experts, ElementsAre(8, 32, 64, 128));
  EXPECT_EQ(study.pretraining.gpus(), 32);
  EXPECT_EQ(study.pretraining.gpu.uplink, "ethernet-efa-400g");
  EXPECT_EQ(study.table.description.id, "paper-superglue");
  EXPECT_DOUBLE_EQ(in_tokens(study.lifetime), 1e12);
  EXPECT_EQ(study.assumptions.size(), 5u);
  for (const Assumption& assumption : study.assumptions) {
    EXPECT_FALSE(assumption.source.empty()) << assumption.key;
  }
}

TEST(ReadStudy, KeptCountsDefaultToThePretrainedOnes) {
  const PretrainingStudy study =
      study_of(study_with("  experts_kept: [8, 32, 64, 128]\ninference", "inference"));
  EXPECT_EQ(study.experts_kept, study.pretraining.experts);
  EXPECT_EQ(study.values.back().from, "default: pretraining.experts");
}

TEST(ReadStudy, UnknownKeysAreErrors) {
  refused("nodes: 4", "nods: 4", "E_UNKNOWN_KEY", "nods", "did you mean 'nodes'?");
  refused("prices:", "prise: {}\nprices:", "E_UNKNOWN_KEY", "prise", "prices");
  refused("{value: 0.30, low", "{value: 0.30, lowest", "E_UNKNOWN_KEY", "lowest", "low");
}

TEST(ReadStudy, NamesMustBeKnown) {
  refused("table: paper-superglue", "table: paper-superglu", "E_VALUE", "/accuracy/table",
          "paper-superglue");
  refused("paper-354m-128e", "paper-355m-128e", "E_VALUE", "/architecture", "paper-354m");
  refused("node: aws-p4de.24xlarge", "node: aws-p4", "E_VALUE", "/pretraining/node",
          "aws-p4de.24xlarge");
  refused("[uncurl, greedy]", "[uncurl, gredy]", "E_VALUE", "/accuracy/methods",
          "did you mean 'greedy'?");
  refused("book: 2026-11", "book: 1999-11", "E_VALUE", "/prices/book", "2026-11");
  refused("gpu: a10", "gpu: h100-sxm", "E_VALUE", "/inference/static_forward/gpu", "a10");
}

TEST(ReadStudy, CountsMustBeMeasuredAndPossible) {
  refused("experts: [8, 32, 64, 128]", "experts: [8, 16]", "E_VALUE", "/pretraining/experts",
          "no model of 16 experts from scratch");
  refused("experts_kept: [8, 32, 64, 128]", "experts_kept: [4]", "E_VALUE",
          "/accuracy/experts_kept", "1, 8, 32, 64, 128");
  refused("architecture: paper-354m-128e", "architecture: paper-354m-64e", "E_VALUE",
          "/pretraining/experts", "cannot have 128 experts");
  refused("experts: [8, 32, 64, 128]", "experts: [8, 8]", "E_VALUE", "/pretraining/experts",
          "twice");
  refused("experts: [8, 32, 64, 128]", "experts: []", "E_VALUE", "/pretraining/experts", "empty");
}

TEST(ReadStudy, NumbersHaveRangesAndUnits) {
  refused("tokens: 40e9 tokens", "tokens: 0 tokens", "E_RANGE", "/pretraining/tokens", "> 0");
  refused("tokens: 40e9 tokens", "tokens: -1 tokens", "E_RANGE", "/pretraining/tokens", "> 0");
  refused("tokens: 40e9 tokens", "tokens: 40e9", "E_UNIT", "/pretraining/tokens", "tokens");
  refused("{value: 1e12 tokens,", "{value: 0 tokens,", "E_RANGE", "/lifetime_tokens/value", "> 0");
  refused("value: 0.30, low: 0.21", "value: 0.30, low: 0.31", "E_RANGE", "/pretraining/mfu",
          "low <= value <= high");
  refused("quality_floor: 0.63", "quality_floor: 63", "E_RANGE", "/objectives/quality_floor",
          "0 to 1");
  refused("batch_sequences: 512", "batch_sequences: 500", "E_VALUE", "/pretraining/batch_sequences",
          "a multiple of 128");
  refused("{value: [8, 32],", "{value: 6,", "E_VALUE", "/pretraining/expert_ranks",
          "do not split into groups of 6");
}

// An assumption without its reason is no assumption.
TEST(ReadStudy, AssumptionsNeedASource) {
  refused("low: 0.21, high: 0.48, source:", "low: 0.21, high: 0.48, sauce:", "E_MISSING",
          "/pretraining/mfu", "source");
  refused("{value: 1e12 tokens, source:", "{value: 1e12 tokens, because:", "E_MISSING",
          "/lifetime_tokens", "source");
}

TEST(ReadStudy, RecomputeAndFinetuningAreOptionalAndSourced) {
  const std::string at = "  nodes: 4\n";
  refused(at, at + "  recompute: {value: some, source: x}\n", "E_VALUE",
          "/pretraining/recompute/value", "selective");
  refused(at, at + "  recompute: {value: full}\n", "E_MISSING", "/pretraining/recompute", "source");
  refused("accuracy:\n", "finetuning: {tokens: 1e9 tokens}\naccuracy:\n", "E_MISSING",
          "/finetuning", "source");
  refused("accuracy:\n", "finetuning: {tokens: 1e9, source: x}\naccuracy:\n", "E_UNIT",
          "/finetuning/tokens", "tokens");
}

TEST(ReadStudy, SomebodyMustRentOutTheGpus) {
  refused("provider: AWS", "provider: Lambda", "E_VALUE", "/prices", "a100-sxm from Lambda");
}

TEST(ReadStudy, InferenceIsOneOfTwo) {
  refused("  static_forward:", "  scenario: s.yaml\n  static_forward:", "E_VALUE", "/inference",
          "one of them");
  refused("    expert_ranks: 2\n", "", "E_MISSING", "/inference/static_forward", "expert_ranks");
}

const char* const kStatic =
    "name: static\n"
    "model: {architecture: paper-354m-128e}\n"
    "pruning: {experts_kept: [8, 32, 64, 128]}\n"
    "hardware: {gpu: a10, gpus: 8}\n"
    "parallelism: {expert_parallel_size: 2, exchange: capacity_padded}\n"
    "engine: {regime: static_forward}\n"
    "workload: {batch: 2, sequence_length: 256, source: test}\n";

std::string with_scenario(const std::string& name) {
  std::string text = tests::built_in_study();
  const std::size_t begin = text.find("  static_forward:");
  const std::size_t end = text.find("prices:");
  return text.replace(begin, end - begin, "  scenario: " + name + "\n");
}

TEST(ReadStudy, AScenarioFileMayStandForTheInlinePoint) {
  const tests::TemporaryDirectory folder;
  folder.write("s.yaml", kStatic);
  const PretrainingStudy study =
      load_pretraining_study(folder.write("study.yaml", with_scenario("./s.yaml")));
  EXPECT_TRUE(std::holds_alternative<StaticScenario>(study.inference));
}

TEST(ReadStudy, TheScenarioRunsTheStudysModel) {
  const tests::TemporaryDirectory folder;
  std::string other = kStatic;
  other.replace(other.find("[8, 32, 64, 128]"), 16, "[8, 128]");
  folder.write("s.yaml", other);
  const auto study = folder.write("study.yaml", with_scenario("./s.yaml"));
  expect_input_error([&] { load_pretraining_study(study); }, "E_VALUE", "/inference/scenario",
                     "lacks counts of the study: 32, 64");
  other = kStatic;
  other.replace(other.find("354m-128e"), 9, "124m-128e");
  folder.write("s.yaml", other);
  expect_input_error([&] { load_pretraining_study(study); }, "E_VALUE", "/inference/scenario",
                     "is not the study's");
}

}  // namespace
}  // namespace moeplan::sim
