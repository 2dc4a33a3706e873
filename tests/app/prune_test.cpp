// moeplan prune as a user runs it: files in, files out, exit codes, nothing half-written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "models/checkpoint/prune_checkpoint.hpp"
#include "models/pruning/plan_json.hpp"
#include "models/routing/routing_counts.hpp"
#include "models/text/load.hpp"
#include "tests/app/process.hpp"
#include "tests/models/checkpoint/small_models.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;

class Prune : public testing::Test {
 protected:
  Prune() {
    write_small_model(dir_ / "model", "qwen3_moe", {});
    write_logits(dir_ / "router.safetensors", {0, 1}, 3000, {});
  }

  Finished prune(std::vector<std::string> more) {
    std::vector<std::string> words = {"prune", dir_ / "model", "--router-data",
                                      dir_ / "router.safetensors"};
    words.insert(words.end(), more.begin(), more.end());
    return run_moeplan(words);
  }

  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(dir_.path()), {}));
  }

  TemporaryDirectory dir_;
};

TEST_F(Prune, WritesACheckpointAndItsPlan) {
  const Finished run = prune({"--keep", "3", "--router", "sliced", "-o", dir_ / "out"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("uncurl of model, router sliced"));
  const models::ModelFiles pruned(dir_ / "out");
  EXPECT_EQ(pruned.routers()[0].experts, 3);
  const auto plan = models::read_pruning_plan(dir_ / "out" / "pruning_plan.json");
  EXPECT_EQ(plan.layers.size(), 2u);
  EXPECT_EQ(plan.layers[1].routing.basis, models::RoutingHistogram::Basis::measured);
  // routing.csv is what workload.routing reads for the pruned model.
  const auto routing = models::load_measured_routing(
      dir_ / "out" / "routing.csv",
      {{.index = 0, .experts = 3, .top_k = 2}, {.index = 1, .experts = 3, .top_k = 2}});
  EXPECT_EQ(routing.layers(), 2u);
  EXPECT_EQ(entries(), 3u);  // model, router data, out: no temporary directory is left
}

TEST_F(Prune, TheSameSeedGivesTheSameBytesForAnyThreads) {
  for (const char* threads : {"1", "3"}) {
    ASSERT_EQ(prune({"--keep", "4", "--threads", threads, "-o", dir_ / threads}).exit_code, 0);
  }
  for (const char* file : {"model.safetensors", "pruning_plan.json", "layers.csv", "routing.csv"}) {
    EXPECT_EQ(read_bytes(dir_ / "1" / file), read_bytes(dir_ / "3" / file)) << file;
  }
}

TEST_F(Prune, WithoutOutputOnlyThePlanIsPrinted) {
  const Finished run = prune({"--keep", "3", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("\"experts_kept\": 3"));
  EXPECT_EQ(entries(), 2u);
}

TEST_F(Prune, WrongInputExitsWith3AndWritesNothing) {
  struct Case {
    std::vector<std::string> arguments;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"--keep", "1"}, "a token chooses 2"},
      {{"--keep", "7"}, "of 6 experts"},
      {{"--keep", "3", "--method", "reap"}, "reap needs"},
      {{"--keep", "3", "--method", "frequency", "--router", "merged_logits"}, "drops experts"},
      {{"--keep", "3", "--router", "merged_logits"}, "--layout native"},
      {{"--keep", "3", "--first-layer", "keep"}, "--layout native"},
  };
  for (const Case& c : cases) {
    std::vector<std::string> arguments = c.arguments;
    arguments.insert(arguments.end(), {"-o", dir_ / "out"});
    const Finished run = prune(arguments);
    EXPECT_EQ(run.exit_code, 3) << c.says;
    EXPECT_THAT(run.err, HasSubstr(c.says));
    EXPECT_EQ(entries(), 2u) << c.says;
  }
  std::filesystem::create_directories(dir_ / "taken" / "file");
  const Finished taken = prune({"--keep", "3", "-o", dir_ / "taken"});
  EXPECT_EQ(taken.exit_code, 3);
  EXPECT_THAT(taken.err, HasSubstr("there already"));
}

TEST_F(Prune, DifferentCountsGoToTheNativeLayout) {
  const Finished run = prune({"--keep", "3", "--first-layer", "keep", "--router", "sliced",
                              "--layout", "native", "-o", dir_ / "out"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document config = text::load_json(dir_ / "out" / "config.json");
  EXPECT_EQ(config.root.find("experts_per_layer")->items[0].scalar, "6");
  EXPECT_EQ(config.root.find("experts_per_layer")->items[1].scalar, "3");
}

TEST_F(Prune, AFullDiskLeavesNothingBehind) {
  std::vector<std::string> words = {
      "prune", dir_ / "model", "--router-data", dir_ / "router.safetensors", "--keep",
      "3",     "-o",           dir_ / "out"};
  const Finished run = run_moeplan(words, {.file_size_limit = 4096});
  EXPECT_EQ(run.exit_code, 6) << run.err;
  EXPECT_EQ(entries(), 2u);
}

}  // namespace
}  // namespace moeplan::tests
