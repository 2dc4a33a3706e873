// Is the list of points the same for everyone, and does a point's id stand for what it depends on?
#include "sim/sweep/task_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "sim/plan/candidates.hpp"
#include "sim/plan/plan.hpp"
#include "sim/sweep/evaluate_task.hpp"
#include "tests/sim/sweep/sweep_scenario.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::sim {
namespace {

using tests::expect_input_error;
using tests::small_runs;
using tests::SweptScenario;

TEST(TaskList, IsTheProductWithTheLastAxisFastest) {
  SweptScenario file("[10 requests/s, 20 requests/s, 30 requests/s]");
  file.set("engine", "{max_sequences: [64, 128]}");
  const TaskList tasks(file.write(), small_runs());
  ASSERT_EQ(tasks.size(), 6);
  EXPECT_EQ(tasks.describe(0), "engine.max_sequences 64, workload.rate 10 requests/s");
  EXPECT_EQ(tasks.describe(1), "engine.max_sequences 64, workload.rate 20 requests/s");
  EXPECT_EQ(tasks.describe(3), "engine.max_sequences 128, workload.rate 10 requests/s");
  EXPECT_EQ(tasks.values(4).number("workload.rate"), 20.0);
  EXPECT_EQ(tasks.values(4).count("engine.max_sequences"), 128);
  std::set<std::string> ids;
  std::set<std::uint64_t> seeds;
  for (std::int64_t task = 0; task < tasks.size(); ++task) {
    ids.insert(tasks.id(task));
    seeds.insert(tasks.seed(task));
  }
  EXPECT_EQ(ids.size(), 6U);
  EXPECT_EQ(seeds.size(), 6U);
}

TEST(TaskList, WithoutListsIsOnePoint) {
  const SweptScenario file("10 requests/s");
  const TaskList tasks(file.write(), small_runs());
  EXPECT_EQ(tasks.size(), 1);
  EXPECT_TRUE(tasks.axes().empty());
}

// A point has the id of its values, however it came about and however they are written.
TEST(TaskList, IdsStandForValuesNotForText) {
  const auto id = [](const std::string& rate, std::int64_t task) {
    const SweptScenario file(rate);
    return TaskList(file.write(), small_runs()).id(task);
  };
  const std::string wanted = id("20 requests/s", 0);
  EXPECT_EQ(id("1200 requests/min", 0), wanted);
  EXPECT_EQ(id("[10 requests/s, 20 requests/s]", 1), wanted);
  EXPECT_EQ(id("{from: 10 requests/s, to: 30 requests/s, step: 10 requests/s}", 1), wanted);
  EXPECT_NE(id("21 requests/s", 0), wanted);
}

TEST(TaskList, IdsChangeWithEverythingThatAResultDependsOn) {
  SweptScenario file("20 requests/s");
  const std::string usual = TaskList(file.write(), small_runs()).id(0);
  std::set<std::string> ids = {usual};
  const auto add = [&](const SweepOptions& options) {
    return ids.insert(TaskList(file.write(), options).id(0)).second;
  };
  SweepOptions options = small_runs();
  options.version = "newer";
  EXPECT_TRUE(add(options));
  options = small_runs();
  options.replicas = 3;
  EXPECT_TRUE(add(options));
  options = small_runs();
  options.requests = 201;
  EXPECT_TRUE(add(options));
  options = small_runs();
  options.seed = 5;
  EXPECT_TRUE(add(options));
  options = small_runs();
  options.evaluation = Evaluation::plan;
  EXPECT_TRUE(add(options));
  file.set("seed", "2");
  EXPECT_TRUE(add(small_runs()));
}

TEST(TaskList, IdsChangeWithTheFilesThatAScenarioNames) {
  SweptScenario file("20 requests/s");
  file.set("workload", "{rate: 20 requests/s, lengths: {file: lengths.csv}}");
  const auto with = [&](const std::string& rows) {
    std::ofstream(file.folder() / "lengths.csv") << "prompt_tokens,output_tokens\n" << rows;
    return TaskList(file.write(), small_runs()).id(0);
  };
  const std::string one = with("300,40\n");
  EXPECT_EQ(with("300,40\n"), one);
  EXPECT_NE(with("300,41\n"), one);
}

TEST(TaskList, OneSeedForAllIsTakenAsItIs) {
  const SweptScenario file("[10 requests/s, 20 requests/s]");
  SweepOptions options = small_runs();
  options.seed = 7;
  const TaskList tasks(file.write(), options);
  EXPECT_EQ(tasks.seed(0), 7U);
  EXPECT_EQ(tasks.seed(1), 7U);
  EXPECT_EQ(tasks.scenario(1).seed, 7U);
}

TEST(TaskList, RefusesWhatIsTooMuchOrAmbiguous) {
  SweptScenario file("[10 requests/s, 20 requests/s, 30 requests/s]");
  file.set("engine", "{max_sequences: [64, 128]}");
  SweepOptions few = small_runs();
  few.most_tasks = 5;
  expect_input_error([&] { TaskList(file.write(), few); }, "E_LIMIT", "/workload/rate", "2 x 3");
  file.set("seed", "[1, 2]");
  SweepOptions seeded = small_runs();
  seeded.seed = 7;
  expect_input_error([&] { TaskList(file.write(), seeded); }, "E_VALUE", "/seed", "--seed");
}

TEST(TaskList, ASimulatedPointIsOneDesign) {
  SweptScenario file("10 requests/s");
  file.set("pruning", "{experts_kept: [128, 64], router: reinitialised}");
  const TaskList tasks(file.write(), small_runs());
  expect_input_error([&] { tasks.scenario(0); }, "E_VALUE", "/pruning/experts_kept", "one design",
                     "{each: [...]}");
}

TEST(TaskList, APlanRefusesWhatOnlySimulateUnderstands) {
  SweptScenario file("10 requests/s");
  file.set("parallelism", "{expert_parallel: false, replica_router: least_loaded}");
  SweepOptions options = small_runs();
  EXPECT_NO_THROW(TaskList(file.write(), options).scenario(0));
  options.evaluation = Evaluation::plan;
  expect_input_error([&] { TaskList(file.write(), options).scenario(0); }, "E_VALUE",
                     "/parallelism/replica_router");
}

// A row is what `simulate` of the point's scenario with the row's seed says.
TEST(EvaluateTask, GivesTheFiguresOfTheSimulation) {
  const SweptScenario file("[10 requests/s, 20 requests/s]");
  const TaskList tasks(file.write(), small_runs());
  const Row row = *evaluate_task(tasks, 1, {});
  const auto cell = [&](const std::string& name) {
    const std::vector<Column>& columns = tasks.info().columns;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].name == name) {
        return row.cells.at(i);
      }
    }
    ADD_FAILURE() << "no column " << name;
    return Cell();
  };
  SweptScenario alone("20 requests/s");
  const Scenario scenario = load_scenario(alone.write(), {.seed = tasks.seed(1), .requests = 200});
  const auto result = assess(scenario, candidates(scenario).front(), 2);
  const Design& design = std::get<Design>(result);
  EXPECT_EQ(cell("workload.rate_per_s"), Cell(20.0));
  EXPECT_EQ(cell("status"), Cell("ok"));
  EXPECT_EQ(cell("reason"), Cell());
  EXPECT_EQ(cell("seed"), Cell(static_cast<std::int64_t>(tasks.seed(1))));
  EXPECT_EQ(cell("ttft_p99_s"), Cell(design.metrics.ttft.p99));
  EXPECT_EQ(cell("tpot_p50_s"), Cell(design.metrics.tpot.p50));
  EXPECT_EQ(cell("cost_usd_per_month"), Cell(design.money.usd_per_month));
  EXPECT_EQ(cell("gpus"), Cell(std::int64_t{2}));
  EXPECT_EQ(cell("experts_kept"), Cell(std::int64_t{64}));
}

// And of the recommended design, when it plans.
TEST(EvaluateTask, GivesTheFiguresOfThePlan) {
  SweptScenario file("[10 requests/s, 20 requests/s]");
  file.set("pruning", "{experts_kept: [128, 64], router: reinitialised}");
  SweepOptions options = small_runs();
  options.evaluation = Evaluation::plan;
  const TaskList tasks(file.write(), options);
  const Row row = *evaluate_task(tasks, 0, {.threads = 2});
  const Plan plan = make_plan(tasks.scenario(0), {});
  ASSERT_TRUE(plan.recommended);
  const Design& design = plan.designs[*plan.recommended];
  EXPECT_THAT(row.cells, testing::Contains(Cell(design.money.usd_per_month)));
  EXPECT_THAT(row.cells, testing::Contains(Cell(design.metrics.ttft.p99)));
  EXPECT_THAT(row.cells, testing::Contains(Cell(plan.binding_constraint)));
}

TEST(EvaluateTask, OverloadAndNoDesignAreRows) {
  const auto status = [](tests::ScenarioFile& file, Evaluation evaluation) {
    SweepOptions options = small_runs();
    options.evaluation = evaluation;
    options.requests = 2000;
    const TaskList tasks(file.write(), options);
    const Row row = *evaluate_task(tasks, 0, {});
    EXPECT_EQ(row.cells.size(), tasks.info().columns.size());
    return std::get<std::string>(row.cells.at(1));  // behind the seed
  };
  SweptScenario flooded("100000 requests/s");
  EXPECT_EQ(status(flooded, Evaluation::simulate), "overloaded");
  SweptScenario too_large("10 requests/s");
  too_large.set("hardware", "{gpu: l40s, gpus: 1}")
      .set("pruning", "{experts_kept: 128, router: reinitialised}");
  EXPECT_EQ(status(too_large, Evaluation::simulate), "infeasible");
  EXPECT_EQ(status(too_large, Evaluation::plan), "infeasible");
}

TEST(EvaluateTask, ValuesThatDoNotGoTogetherAreAnErrorOrARow) {
  SweptScenario file("10 requests/s");
  file.set("pruning", "{experts_kept: {each: [64, 4]}, router: reinitialised}");
  const TaskList tasks(file.write(), small_runs());
  expect_input_error([&] { evaluate_task(tasks, 1, {}); }, "E_RANGE", "/pruning/experts_kept");
  const Row row = *evaluate_task(tasks, 1, {.skip_invalid = true});
  EXPECT_EQ(row.cells.at(2), Cell("invalid"));
}

}  // namespace
}  // namespace moeplan::sim
