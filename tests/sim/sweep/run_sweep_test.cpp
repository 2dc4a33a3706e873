// Does a sweep give the same bytes for any number of threads and shards, and keep what is done?
#include "sim/sweep/run_sweep.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "sim/sweep/merge.hpp"
#include "tests/sim/sweep/sweep_scenario.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::sim {
namespace {

constexpr const char* kTen = "{from: 5 requests/s, to: 50 requests/s, points: 10}";

std::vector<std::int64_t> all_of(const TaskList& tasks) {
  return tasks_of(Shard{}, predicted_work(tasks));
}

std::vector<Row> run(const TaskList& tasks, const std::vector<std::int64_t>& which, int threads) {
  std::vector<Row> rows;
  const std::int64_t done = run_sweep(
      tasks, which, {.threads = threads, .finished = [&](const Row& row) { rows.push_back(row); }});
  EXPECT_EQ(done, static_cast<std::int64_t>(which.size()));
  return rows;
}

TEST(RunSweep, SameBytesForAnyThreadsAndShards) {
  const tests::SweptScenario file(kTen);
  const TaskList tasks(file.write(), tests::small_runs());
  const std::string alone = export_csv(tests::store_of(tasks.info(), tests::rows_of(tasks)));
  const auto bytes = [&](const std::vector<Row>& rows) {
    return export_csv(tests::store_of(tasks.info(), rows));
  };
  EXPECT_EQ(bytes(run(tasks, all_of(tasks), 1)), alone);
  EXPECT_EQ(bytes(run(tasks, all_of(tasks), 2)), alone);
  EXPECT_EQ(bytes(run(tasks, all_of(tasks), 16)), alone);  // more threads than points
  std::vector<Row> shards;
  for (std::int64_t i = 0; i < 3; ++i) {
    const TaskList again(file.write(), tests::small_runs());  // as another process has it
    for (const Row& row : run(again, tasks_of({i, 3}, predicted_work(again)), 1)) {
      shards.push_back(row);
    }
  }
  EXPECT_EQ(bytes(shards), alone);
}

TEST(RunSweep, StopsWithWhatIsDone) {
  const tests::SweptScenario file("{from: 5 requests/s, to: 50 requests/s, points: 400}");
  const TaskList tasks(file.write(), tests::small_runs());
  std::set<std::int64_t> seen;
  const std::int64_t done =
      run_sweep(tasks, all_of(tasks),
                {.threads = 1,
                 .finished = [&](const Row& row) { EXPECT_TRUE(seen.insert(row.task).second); },
                 .stop = [&] { return seen.size() >= 3; }});
  EXPECT_EQ(done, static_cast<std::int64_t>(seen.size()));
  EXPECT_GE(seen.size(), 3U);
  EXPECT_LT(seen.size(), 400U);
}

TEST(RunSweep, AWriteThatFailsEndsIt) {
  const tests::SweptScenario file(kTen);
  const TaskList tasks(file.write(), tests::small_runs());
  EXPECT_THROW(run_sweep(tasks, all_of(tasks),
                         {.threads = 2,
                          .finished = [](const Row&) { throw std::runtime_error("disk full"); }}),
               std::runtime_error);
}

TEST(RunSweep, ChecksEveryPointBeforeTheFirst) {
  tests::SweptScenario file("10 requests/s");
  file.set("pruning", "{experts_kept: {each: [64, 128, 4, 2]}, router: reinitialised}");
  const TaskList tasks(file.write(), tests::small_runs());
  for (const int threads : {1, 2}) {
    tests::expect_input_error([&] { check_tasks(tasks, all_of(tasks), threads); }, "E_RANGE",
                              "/pruning/experts_kept", "at pruning.experts_kept 4");
  }
  check_tasks(tasks, {0, 1}, 2);
}

// Two of ten points done in 4 s, of a third of the work: 8 s are left.
TEST(SweepProgress, SaysRateAndTimeLeft) {
  const SweepProgress progress{
      .done = 2, .total = 10, .work_done = 1.0, .work_total = 3.0, .seconds = 4.0};
  EXPECT_EQ(progress.text(), "2 of 10 points, 0.5 points/s, 8 s left");
  EXPECT_EQ(SweepProgress{.total = 10}.text(), "0 of 10 points, 0 points/s");
  const SweepProgress slow{
      .done = 1, .total = 10, .work_done = 1.0, .work_total = 10.0, .seconds = 1000.0};
  EXPECT_THAT(slow.text(), testing::HasSubstr("2 h 30 min left"));
}

}  // namespace
}  // namespace moeplan::sim
