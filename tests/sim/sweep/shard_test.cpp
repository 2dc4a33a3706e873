// Which part is a process to do, by hand, in a Slurm array and in a Kubernetes Indexed Job?
#include "sim/sweep/shard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/expect_input_error.hpp"

namespace moeplan::sim {
namespace {

using testing::ElementsAre;
using tests::expect_input_error;
using Variables = std::map<std::string, std::string>;

Shard shard(const std::string& text, const Variables& set = {}) {
  return shard_from(text, [&](const std::string& name) {
    const auto found = set.find(name);
    return found == set.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(Shard, ByHandCountsFromZero) {
  EXPECT_EQ(shard("0/1").text(), "0/1");
  EXPECT_EQ(shard("3/4").text(), "3/4");
  expect_input_error([] { shard("4/4"); }, "E_VALUE", "--shard", "count from 0");
  expect_input_error([] { shard("0/0"); }, "E_VALUE", "at least one");
  for (const char* wrong : {"", "2", "a/b", "-1/4", "1/4/2", "1/", "/4", "1.0/4", "Auto"}) {
    SCOPED_TRACE(wrong);
    expect_input_error([&] { shard(wrong); }, "E_VALUE", "i/n");
  }
}

TEST(Shard, OfASlurmArray) {
  EXPECT_EQ(shard("auto", {{"SLURM_ARRAY_TASK_ID", "2"}, {"SLURM_ARRAY_TASK_COUNT", "8"}}).text(),
            "2/8");
  const Variables from_ten = {{"SLURM_ARRAY_TASK_ID", "14"},
                              {"SLURM_ARRAY_TASK_COUNT", "3"},
                              {"SLURM_ARRAY_TASK_MIN", "10"},
                              {"SLURM_ARRAY_TASK_STEP", "2"}};
  EXPECT_EQ(shard("auto", from_ten).text(), "2/3");
  EXPECT_EQ(shard("auto/20", from_ten).text(), "14/20");
  expect_input_error(
      [] {
        shard("auto", {{"SLURM_ARRAY_TASK_ID", "2"}});
      },
      "E_VALUE", "SLURM_ARRAY_TASK_COUNT is not set");
  // --array=0,7 has two tasks, and 7 is not the second one of two.
  expect_input_error(
      [] {
        shard("auto", {{"SLURM_ARRAY_TASK_ID", "7"},
                       {"SLURM_ARRAY_TASK_COUNT", "2"},
                       {"SLURM_ARRAY_TASK_MIN", "0"}});
      },
      "E_VALUE", "auto/N");
}

TEST(Shard, OfAnIndexedJob) {
  EXPECT_EQ(shard("auto/4", {{"JOB_COMPLETION_INDEX", "3"}}).text(), "3/4");
  EXPECT_EQ(shard("auto", {{"JOB_COMPLETION_INDEX", "3"}, {"JOB_COMPLETIONS", "5"}}).text(), "3/5");
  expect_input_error(
      [] {
        shard("auto", {{"JOB_COMPLETION_INDEX", "3"}});
      },
      "E_VALUE", "JOB_COMPLETIONS", "auto/N");
  expect_input_error(
      [] {
        shard("auto/4", {{"JOB_COMPLETION_INDEX", "three"}});
      },
      "E_VALUE", "no whole number");
  expect_input_error([] { shard("auto"); }, "E_VALUE", "JOB_COMPLETION_INDEX is not set");
}

TEST(Shard, PartsAreDisjointCompleteAndAlikeInWork) {
  const std::vector<double> work = {1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0};
  EXPECT_THAT(tasks_of({0, 1}, work), ElementsAre(1, 3, 5, 6, 4, 2, 0));  // longest first
  EXPECT_THAT(tasks_of({0, 3}, work), ElementsAre(1, 6, 0));
  EXPECT_THAT(tasks_of({1, 3}, work), ElementsAre(3, 4));
  EXPECT_THAT(tasks_of({2, 3}, work), ElementsAre(5, 2));
  EXPECT_THAT(tasks_of({8, 9}, work), ElementsAre());
}

}  // namespace
}  // namespace moeplan::sim
