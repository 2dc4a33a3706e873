// The experiment in miniature: the same rows for any threads, and when interrupted and resumed.
#include "models/laboratory/experiment.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "models/laboratory/lab_directory.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::models {
namespace {

using moeplan::tests::expect_input_error;
using moeplan::tests::TemporaryDirectory;

LaboratoryOptions tiny() {
  LaboratoryOptions options = quick_laboratory();
  options.sizes = {1, 2, 4};
  options.pruned = {4};
  options.methods = {PruningMethod::uncurl, PruningMethod::frequency};
  options.seeds = 2;
  options.pretraining.steps = 25;
  options.tuning.steps = 5;
  options.router_tuning.steps = 3;
  options.task_samples = 300;
  options.test_samples = 200;
  return options;
}

std::string text_of(const LabResult& result) {
  std::string text;
  for (const LabRow& row : result.rows) {
    text += fmt::format("{} {} {} {} {} {} {} {} {}\n", row.seed, row.task, row.method, row.router,
                        row.pretrained, row.kept, row.before.value_or(-1.0),
                        row.accuracy.value_or(-1.0), row.refused);
  }
  for (const std::vector<double>& seed : result.pretrained) {
    text += fmt::format("{}\n", fmt::join(seed, " "));
  }
  return text;
}

TEST(Experiment, HasEveryRow) {
  const LabResult result = run_laboratory(tiny(), nullptr, 1, {});
  // 2 seeds x 2 tasks x (3 unpruned + one pair 4 -> 2, 2 methods, 2 routers).
  EXPECT_EQ(result.rows.size(), 2u * 2u * (3u + 4u));
  EXPECT_EQ(result.bayes.size(), 2u);
  EXPECT_EQ(result.bayes[0].size(), 2u);
  // A seed is a problem of its own.
  EXPECT_NE(result.bayes[0], result.bayes[1]);
  for (const LabRow& row : result.rows) {
    EXPECT_TRUE(row.accuracy || !row.refused.empty());
  }
}

TEST(Experiment, DoesNotDependOnThreads) {
  std::int64_t parts = 0;
  LabHooks hooks;
  hooks.part = [&](std::int64_t done, std::int64_t all) {
    EXPECT_EQ(done, ++parts);
    EXPECT_EQ(all, 2 * 3 * 3);
  };
  const std::string one = text_of(run_laboratory(tiny(), nullptr, 1, hooks));
  EXPECT_EQ(parts, 18);
  EXPECT_EQ(text_of(run_laboratory(tiny(), nullptr, 3, {})), one);
  LaboratoryOptions other = tiny();
  other.seed = 2;
  EXPECT_NE(text_of(run_laboratory(other, nullptr, 2, {})), one);
}

TEST(Experiment, GoesOnWhereItWasInterrupted) {
  const TemporaryDirectory dir;
  const std::string whole = text_of(run_laboratory(tiny(), nullptr, 2, {}));
  for (const int stop_at : {60, 170}) {  // in pretraining (150 steps), in fine-tuning
    const auto path = dir / fmt::format("lab-{}", stop_at);
    std::atomic<int> steps = 0;
    LabHooks hooks;
    hooks.step = [&] {
      if (++steps == stop_at) {
        throw std::runtime_error("interrupted");
      }
    };
    {
      LabDirectory store(path, tiny(), false);
      EXPECT_THROW(run_laboratory(tiny(), &store, 2, hooks), std::runtime_error);
    }
    std::atomic<int> rest = 0;
    hooks.step = [&] { ++rest; };
    LabDirectory store(path, tiny(), true);
    EXPECT_EQ(text_of(run_laboratory(tiny(), &store, 2, hooks)), whole);
    EXPECT_LT(rest, 150 + 28 * 8);  // of all steps: something was kept
    // Finished: nothing is left to do.
    rest = 0;
    EXPECT_EQ(text_of(run_laboratory(tiny(), &store, 2, hooks)), whole);
    EXPECT_EQ(rest, 0);
  }
}

TEST(Experiment, ResumesOnlyTheSameExperiment) {
  const TemporaryDirectory dir;
  expect_input_error([&] { LabDirectory(dir / "lab", tiny(), true); }, "E_IO", "laboratory.json");
  LabDirectory(dir / "lab", tiny(), false);
  LaboratoryOptions other = tiny();
  other.tuning.steps = 6;
  expect_input_error([&] { LabDirectory(dir / "lab", other, true); }, "E_VALUE", "other options");
}

TEST(Experiment, OptionsThatCannotBeAreBugs) {
  LaboratoryOptions options = tiny();
  options.pruned = {8};
  EXPECT_THROW(options.check(), std::logic_error);
  options = tiny();
  options.sizes = {4, 2};
  EXPECT_THROW(options.check(), std::logic_error);
  EXPECT_EQ(full_laboratory().counts_below(16), (std::vector<std::int64_t>{2, 4, 8}));
  full_laboratory().check();
  quick_laboratory().check();
}

}  // namespace
}  // namespace moeplan::models
