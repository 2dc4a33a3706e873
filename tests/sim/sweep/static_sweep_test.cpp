// Are static forward passes swept as they are simulated one by one?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/forward/forward_pass.hpp"
#include "sim/sweep/evaluate_task.hpp"
#include "sim/sweep/run_sweep.hpp"
#include "sim/sweep/static_row.hpp"
#include "tests/sim/sweep/sweep_scenario.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::sim {
namespace {

using tests::expect_input_error;

const SweepOptions kSimulate{.version = "test", .evaluation = Evaluation::simulate};

const std::string kStatic =
    "name: static\n"                                                       // 1
    "model: {architecture: paper-354m-128e}\n"                             // 2
    "pruning: {experts_kept: [8, 128]}\n"                                  // 3
    "hardware: {gpu: a10, gpus: [2, 8]}\n"                                 // 4
    "parallelism: {expert_parallel_size: 2, exchange: capacity_padded}\n"  // 5
    "engine: {regime: static_forward}\n"                                   // 6
    "workload: {batch: [1, 2], sequence_length: 256, source: test}\n";     // 7

const Cell& cell(const TaskList& tasks, const Row& row, const std::string& name) {
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    if (tasks.info().columns[i].name == name) {
      return row.cells[i];
    }
  }
  throw std::logic_error("no column " + name);
}
double number(const TaskList& tasks, const Row& row, const std::string& name) {
  return std::get<double>(cell(tasks, row, name));
}

// Lists of candidates are points, beside the axes that any sweep has: 2 x 2 x 2.
TEST(StaticSweep, CandidatesAreAxesInTheOrderOfTheTable) {
  const tests::TemporaryDirectory folder;
  const TaskList tasks(folder.write("s.yaml", kStatic), kSimulate);
  EXPECT_TRUE(tasks.is_static());
  ASSERT_EQ(tasks.size(), 8);
  EXPECT_EQ(tasks.describe(0), "pruning.experts_kept 8, hardware.gpus 2, workload.batch 1");
  EXPECT_EQ(tasks.describe(3), "pruning.experts_kept 8, hardware.gpus 8, workload.batch 2");
  EXPECT_EQ(tasks.describe(4), "pruning.experts_kept 128, hardware.gpus 2, workload.batch 1");
  for (std::int64_t task = 0; task < tasks.size(); ++task) {
    EXPECT_NO_THROW(tasks.check(task));
  }
}

// {each: [...]} says the same and has the same ids.
TEST(StaticSweep, IdsAreThoseOfTheWrittenAxes) {
  const tests::TemporaryDirectory folder;
  const TaskList lists(folder.write("a.yaml", kStatic), kSimulate);
  std::string text = kStatic;
  text.replace(text.find("[8, 128]"), 8, "{each: [8, 128]}");
  text.replace(text.find("[2, 8]"), 6, "{each: [2, 8]}");
  const TaskList each(folder.write("b.yaml", text), kSimulate);
  ASSERT_EQ(each.size(), lists.size());
  for (std::int64_t task = 0; task < each.size(); ++task) {
    EXPECT_EQ(each.id(task), lists.id(task));
  }
}

// Figure 2a's scenario: a row of each of the four passes that `moeplan simulate` prints.
TEST(StaticSweep, RowsAreThePassesOfTheScenario) {
  const auto path = tests::source_dir() / "scenarios/paper/fig2a_experts.yaml";
  const TaskList tasks(path, kSimulate);
  const std::vector<ForwardPass> passes = forward_passes(load_static_scenario(path));
  ASSERT_EQ(tasks.size(), static_cast<std::int64_t>(passes.size()));
  for (std::int64_t task = 0; task < tasks.size(); ++task) {
    const ForwardPass& pass = passes[static_cast<std::size_t>(task)];
    const Row row = *evaluate_task(tasks, task, {});
    EXPECT_EQ(row.cells.size(), tasks.info().columns.size());
    EXPECT_EQ(std::get<std::string>(cell(tasks, row, "status")), "ok");
    EXPECT_EQ(std::get<std::int64_t>(cell(tasks, row, "experts_kept")), pass.experts_kept);
    const double total = number(tasks, row, "forward_s");
    EXPECT_EQ(total, in_seconds(pass.estimate.terms.total()));
    double sum = 0.0;
    for (const models::StaticTerm& term : models::static_terms()) {
      sum += number(tasks, row, std::string(term.name) + "_s");
    }
    EXPECT_NEAR(sum, total, 1e-12) << "the terms add up";
    EXPECT_LT(number(tasks, row, "forward_p5_s"), total);
    EXPECT_GT(number(tasks, row, "forward_p95_s"), total);
  }
  std::vector<std::int64_t> all = {0, 1, 2, 3};
  std::int64_t finished = 0;
  EXPECT_EQ(run_sweep(tasks, all, {.threads = 2, .finished = [&](const Row&) { ++finished; }}), 4);
  EXPECT_EQ(finished, 4);
}

// Three GPUs do not divide into groups of two: a row that says so, with what it would be.
TEST(StaticSweep, WhatCannotRunIsARowWithItsReason) {
  const tests::TemporaryDirectory folder;
  std::string text = kStatic;
  text.replace(text.find("[2, 8]"), 6, "[3, 8]");
  const TaskList tasks(folder.write("s.yaml", text), kSimulate);
  const Row row = *evaluate_task(tasks, 0, {});
  EXPECT_EQ(std::get<std::string>(cell(tasks, row, "status")), "infeasible");
  EXPECT_FALSE(std::get<std::string>(cell(tasks, row, "reason")).empty());
  // Values that do not go together: an error, or a row where that is asked for.
  text = kStatic;
  text.replace(text.find("[8, 128]"), 8, "[8, 256]");
  const TaskList wrong(folder.write("w.yaml", text), kSimulate);
  expect_input_error([&] { evaluate_task(wrong, 4, {}); }, "E_RANGE", "/pruning/experts_kept");
  expect_input_error([&] { check_tasks(wrong, {0, 4}, 1); }, "E_RANGE", "at pruning.experts_kept");
  const Row invalid = *evaluate_task(wrong, 4, {.skip_invalid = true});
  EXPECT_EQ(std::get<std::string>(cell(wrong, invalid, "status")), "invalid");
  EXPECT_EQ(cell(wrong, invalid, "forward_s"), Cell());
}

TEST(StaticSweep, PlansAndMixedRegimesAreRefused) {
  const tests::TemporaryDirectory folder;
  const auto path = folder.write("s.yaml", kStatic);
  expect_input_error([&] { TaskList(path, {.version = "test"}); }, "E_VALUE",
                     "s.yaml:6:", "/engine/regime", "--evaluate simulate");
  std::string text = kStatic;
  text.replace(text.find("regime: static_forward"), 22, "regime: [static_forward, serving]");
  expect_input_error([&] { TaskList(folder.write("m.yaml", text), kSimulate); }, "E_VALUE",
                     "m.yaml:6:", "two regimes");
}

}  // namespace
}  // namespace moeplan::sim
