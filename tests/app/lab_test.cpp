// moeplan lab as a user runs it: one command, files that prune, inspect and gate read, the same
// bytes for any threads and after an interruption.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <map>

#include "models/text/load.hpp"
#include "tests/app/json_values.hpp"
#include "tests/app/process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Lab : public testing::Test {
 protected:
  Finished lab(const std::string& name, std::vector<std::string> more,
               const RunOptions& options = {}) {
    std::vector<std::string> words = {"lab", "--quick", "--seeds", "1", "-o", dir_ / name};
    words.insert(words.end(), more.begin(), more.end());
    return run_moeplan(words, options);
  }
  std::map<std::string, std::string> files(const std::string& name) const {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(dir_ / name)) {
      if (entry.is_regular_file()) {
        found[fs::relative(entry.path(), dir_ / name).string()] = read_bytes(entry.path());
      }
    }
    return found;
  }
  TemporaryDirectory dir_;
};

TEST_F(Lab, WritesWhatOtherCommandsRead) {
  const Finished run = lab("lab", {"--threads", "2", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document results = text::parse_json(run.out, "stdout");
  EXPECT_GE(at(results.root, "statements").items.size(), 3u);
  EXPECT_EQ(read_bytes(dir_ / "lab/results.json"), run.out);
  EXPECT_THAT(read_bytes(dir_ / "lab/results.md"), HasSubstr("Threshold pruning factor"));

  const Finished pruned =
      run_moeplan({"prune", dir_ / "lab/pretrained/seed-1-experts-8", "--router-data",
                   dir_ / "lab/router_data/seed-1-experts-8-task-1.safetensors", "--keep", "4",
                   "--router", "sliced", "-o", dir_ / "pruned"});
  EXPECT_EQ(pruned.exit_code, 0) << pruned.err;
  const fs::path curve = dir_ / "lab/curves/uncurl-sliced-8.json";
  const Finished shown = run_moeplan({"inspect", "accuracy", curve});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  const Finished gate =
      run_moeplan({"gate", "--curve", curve, "--min", "0.99", "--confidence", "point"});
  EXPECT_EQ(gate.exit_code, 5) << gate.err;  // above the Bayes limit

  // The laboratory's model, its plan and its curve in one scenario.
  const auto scenario =
      dir_.write("scenario.yaml",
                 "name: lab\nmodel: {architecture: ./lab/pretrained/seed-1-experts-8/config.json, "
                 "precision: bf16}\npruning: {plan: ./pruned/pruning_plan.json}\n"
                 "accuracy: {curve: ./lab/curves/uncurl-sliced-8.json}\n"
                 "hardware: {gpu: h100-sxm, gpus: 1}\n"
                 "workload:\n  rate: 1 requests/s\n  requests: 3000\n  input_tokens: {tokens: 50}\n"
                 "  output_tokens: {tokens: 400}\n"
                 "objectives: {ttft_p99: 1 s}\nprices: {book: 2026-11}\n");
  const Finished plan = run_moeplan({"plan", scenario, "--format", "json"});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  const text::Document planned = text::parse_json(plan.out, "stdout");
  EXPECT_GT(number(at(planned.root, "recommendation"), "accuracy"), 0.25);
}

TEST_F(Lab, IsTheSameForAnyThreadsAndAfterAnInterruption) {
  ASSERT_EQ(lab("one", {"--threads", "1"}).exit_code, 0);
  const Finished stopped =
      lab("two", {"--threads", "2"}, {.interrupt = SIGINT, .interrupt_after_ms = 700});
  EXPECT_TRUE(stopped.exit_code == 130 || stopped.exit_code == 0) << stopped.err;
  if (stopped.exit_code == 130) {
    EXPECT_THAT(stopped.err, HasSubstr("--resume"));
    EXPECT_FALSE(fs::exists(dir_ / "two/results.json"));
  }
  const Finished resumed = lab("two", {"--threads", "2", "--resume"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(files("one"), files("two"));
}

TEST_F(Lab, RefusesWhatItCannotDo) {
  fs::create_directories(dir_ / "taken/file");
  EXPECT_EQ(lab("taken", {}).exit_code, 3);
  EXPECT_EQ(lab("nowhere", {"--resume"}).exit_code, 3);
  EXPECT_EQ(run_moeplan({"lab", "--quick", "--resume"}).exit_code, 3);
  EXPECT_EQ(run_moeplan({"lab", "--experts", "3"}).exit_code, 2);
  const Finished dry = lab("dry", {"--dry-run", "--experts", "16,32"});
  EXPECT_EQ(dry.exit_code, 0);
  EXPECT_THAT(dry.out, HasSubstr("18 parts over 1 seeds"));  // 1, 2, 4, 8, 16, 32; 1 + 2 tasks
  EXPECT_FALSE(fs::exists(dir_ / "dry"));
}

}  // namespace
}  // namespace moeplan::tests
