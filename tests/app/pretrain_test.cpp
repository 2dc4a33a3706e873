// moeplan pretrain as users run it: keys, formats, exit codes, the same bytes twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "models/text/load.hpp"
#include "tests/app/json_values.hpp"
#include "tests/app/process.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using text::Node;

std::string built_in() { return read_bytes(data_dir() / "scenarios" / "pretraining.yaml"); }

std::string with(const std::string& what, const std::string& by) {
  std::string text = built_in();
  return text.replace(text.find(what), what.size(), by);
}

TEST(PretrainCommand, JsonHasEveryPart) {
  const Finished run = run_moeplan({"pretrain", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, IsEmpty());
  const text::Document document = text::parse_json(run.out, "stdout");
  for (const char* key : {"schema_version", "study", "recommendation", "pareto", "options",
                          "pretraining", "inference", "thresholds", "by_lifetime", "break_even",
                          "gains", "not_measured", "reasons", "warnings", "provenance"}) {
    EXPECT_NE(document.root.find(key), nullptr) << key;
  }
  const Node& best = at(document.root, "recommendation");
  EXPECT_EQ(number(best, "experts_pretrained"), 32);
  EXPECT_EQ(number(best, "experts_kept"), 8);
  EXPECT_EQ(at(best, "method").scalar, "uncurl");
  EXPECT_NEAR(number(best, "accuracy"), 0.6357, 1e-9);
  for (const char* key : {"latency_s", "memory_bytes_per_gpu", "cost_usd_per_million_tokens",
                          "pretraining_usd", "lifetime_usd"}) {
    EXPECT_GT(number(best, key), 0) << key;
  }
  const auto& options = at(document.root, "options").items;
  EXPECT_EQ(options.size(), 13u);
  std::set<std::string> front;
  for (const Node& index : at(document.root, "pareto").items) {
    front.insert(index.scalar);
  }
  for (const Node& option : options) {
    EXPECT_EQ(at(option, "pareto").scalar == "true", front.count(at(option, "index").scalar) == 1);
  }
  for (const Node& trained : at(document.root, "pretraining").items) {
    EXPECT_NEAR(number(trained, "gpu_h"), 32 * number(trained, "duration_s") / 3600, 1e-6);
    EXPECT_NEAR(number(trained, "cost_usd"),
                number(trained, "rent_usd_per_h") * number(trained, "duration_s") / 3600, 1e-6);
    EXPECT_LT(number(trained, "cost_usd_low"), number(trained, "cost_usd"));
    EXPECT_LT(number(trained, "cost_usd"), number(trained, "cost_usd_high"));
  }
}

TEST(PretrainCommand, TheSameBytesTwice) {
  const Finished first = run_moeplan({"pretrain", "--format", "json"});
  const Finished again = run_moeplan({"pretrain", "--format", "json", "--threads", "1"});
  EXPECT_EQ(first.out, again.out);
}

TEST(PretrainCommand, EveryFormat) {
  const Finished table = run_moeplan({"pretrain"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("Pretrain 32 experts and prune to 8 by uncurl"));
  EXPECT_THAT(table.out, HasSubstr("4x from 32, 2x from 64, 2x from 128"));
  EXPECT_THAT(table.out, HasSubstr("Assumed: pretraining.mfu"));
  EXPECT_THAT(run_moeplan({"pretrain", "--format", "markdown"}).out, HasSubstr("## Pretraining"));
  const Finished csv = run_moeplan({"pretrain", "--format", "csv"});
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 14) << "a header, 13 options";
  const Finished line = run_moeplan({"pretrain", "--format", "jsonl"});
  EXPECT_EQ(std::count(line.out.begin(), line.out.end(), '\n'), 1);
}

TEST(PretrainCommand, NothingIsWrittenWithoutOutput) {
  const TemporaryDirectory folder;
  const std::string out = (folder / "answer.json").string();
  const Finished run = run_moeplan({"pretrain", "--format", "json", "-o", out});
  EXPECT_EQ(read_bytes(out), run.out);
}

TEST(PretrainCommand, DryRunAndPrintConfig) {
  const Finished dry = run_moeplan({"pretrain", "--dry-run"});
  EXPECT_EQ(dry.exit_code, 0);
  EXPECT_THAT(dry.out, HasSubstr("valid; 13 measured options, 3 combinations not measured"));
  const Finished values = run_moeplan({"pretrain", "--print-config"});
  EXPECT_THAT(values.out, testing::ContainsRegex("pretraining.nodes +4 +.*pretraining.yaml:"));
  EXPECT_THAT(values.out, testing::ContainsRegex("objectives.latency +.not set. +no default"));
  EXPECT_THAT(values.out, testing::ContainsRegex(
                              "catalog.machine.aws-p4de.24xlarge.gpus +8 x a100-sxm +data file "
                              ".*nodes/aws-p4de.24xlarge.yaml"));
  EXPECT_THAT(values.out, testing::ContainsRegex("catalog.machine.a10.laws .*static_forward/a10"));
}

// The committed study that serves its models: figures of a plan, not of a pass.
TEST(PretrainCommand, AStudyMayServeItsModels) {
  const std::string file = (source_dir() / "scenarios/study/pretrain_and_serve.yaml").string();
  const Finished run = run_moeplan({"pretrain", file, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document document = text::parse_json(run.out, "stdout");
  EXPECT_EQ(at(at(document.root, "study"), "latency_of").scalar, "p99 TPOT");
  double before = 0.0;
  for (const Node& runs : at(document.root, "inference").items) {
    EXPECT_EQ(at(runs, "infeasible").kind, text::Kind::null);
    EXPECT_GT(number(runs, "cost_usd_per_million_tokens"), before) << "more experts cost more";
    before = number(runs, "cost_usd_per_million_tokens");
  }
}

TEST(PretrainCommand, MemoryAndFinetuningAreInTheAnswer) {
  const TemporaryDirectory folder;
  const std::string study =
      folder
          .write("study.yaml",
                 with("accuracy:\n", "finetuning: {tokens: 4e9 tokens, source: test}\naccuracy:\n"))
          .string();
  const Finished run = run_moeplan({"pretrain", study, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document document = text::parse_json(run.out, "stdout");
  const Node& first = at(document.root, "pretraining").items.front();
  EXPECT_NEAR(number(first, "weight_bytes_per_gpu") + number(first, "activation_bytes_per_gpu") +
                  number(first, "gradient_buffer_bytes_per_gpu") +
                  number(first, "optimizer_bytes_per_gpu"),
              number(first, "memory_bytes_per_gpu"), 1.0);
  EXPECT_EQ(at(document.root, "finetuning").items.size(), 4U);
  EXPECT_GT(number(at(document.root, "finetuning").items[0], "cost_usd"), 0.0);
  EXPECT_GT(number(at(document.root, "recommendation"), "finetuning_usd"), 0.0);
  EXPECT_EQ(at(at(document.root, "study"), "recompute").scalar, "selective recompute");
  const Finished table = run_moeplan({"pretrain", study});
  EXPECT_THAT(table.out, HasSubstr("Fine-tuning after pruning, 4e+09 tokens"));
  EXPECT_THAT(table.out, HasSubstr("activations GiB/GPU"));
}

TEST(PretrainCommand, ExitCodes) {
  const TemporaryDirectory folder;
  const auto exit_of = [&](const std::string& text) {
    return run_moeplan({"pretrain", folder.write("study.yaml", text).string()});
  };
  EXPECT_EQ(exit_of(built_in()).exit_code, 0);
  const Finished none = exit_of(with("quality_floor: 0.63", "quality_floor: 0.7"));
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.out, HasSubstr("None of 13 measured options"));
  const Finished unknown = exit_of(with("paper-superglue", "paper-superglu"));
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_THAT(unknown.out, IsEmpty());
  EXPECT_THAT(unknown.err, HasSubstr("study.yaml:"));
  EXPECT_EQ(run_moeplan({"pretrain", "missing.yaml"}).exit_code, 3);
  EXPECT_EQ(run_moeplan({"pretrain", "--format", "xml"}).exit_code, 2);
}

}  // namespace
}  // namespace moeplan::tests
