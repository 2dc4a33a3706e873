// moeplan share as users run it: keys of its JSON, what it refuses, the same bytes for any threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "models/text/load.hpp"
#include "tests/app/json_values.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using text::Node;

const std::string kMorning =
    "  day_profile: [1, 1, 1, 1, 1, 1, 5, 9, 9, 9, 9, 9, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
const std::string kEvening =
    "  day_profile: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 9, 9, 9, 9, 9, 5, 1, 1, 1]\n";

class ShareCommand : public testing::Test {
 protected:
  TemporaryDirectory folder_;  // before what is written there

  // A task of kScenario on engines of one GPU.
  std::string task(const std::string& name, const std::string& day) {
    std::string text = with(kScenario, "name: test", "name: " + name);
    text = with(text, "gpus: [1, 2]", "gpus: 1");
    text = with(text, "  requests: 300\n", "  requests: 300\n" + day);
    return text;
  }
  std::string a_ = folder_.write("a.yaml", task("morning", kMorning)).string();
  std::string b_ = folder_.write("b.yaml", task("evening", kEvening)).string();

  static text::Document json_of(const Finished& run) {
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return text::parse_json(run.out, "stdout");
  }
};

TEST_F(ShareCommand, JsonHasTheKeysOfEveryStrategy) {
  const text::Document json = json_of(run_moeplan({"share", a_, b_, "--format", "json"}));
  const Node& root = json.root;
  for (const char* key : {"schema_version", "recommendation", "tasks", "strategies", "hours",
                          "assumptions", "reasons", "warnings", "provenance"}) {
    EXPECT_NE(root.find(key), nullptr) << key;
  }
  const auto& strategies = at(root, "strategies").items;
  ASSERT_EQ(strategies.size(), 3U);
  std::set<std::string> names;
  for (const Node& s : strategies) {
    names.insert(at(s, "name").scalar);
    for (const char* key :
         {"why_not", "engines", "spare_engines", "gpus", "instances", "stranded_gpus", "prices",
          "cost_usd_per_month", "accuracy", "accuracy_change", "tasks", "mix", "switches_per_day",
          "lost_engine_s_per_day", "unserved_fraction", "windows"}) {
      EXPECT_NE(s.find(key), nullptr) << key;
    }
    ASSERT_EQ(at(s, "tasks").items.size(), 2U);
    for (const char* key :
         {"task", "experts_kept", "gpu", "gpus_per_engine", "layout", "capacity_requests_per_s",
          "engines_at_peak", "reload_s", "weights_per_gpu_bytes", "accuracy", "accuracy_change"}) {
      EXPECT_NE(at(s, "tasks").items[0].find(key), nullptr) << key;
    }
  }
  EXPECT_EQ(names, (std::set<std::string>{"separate", "shared", "adaptive"}));
  EXPECT_TRUE(names.count(at(root, "recommendation").scalar) == 1);
  EXPECT_EQ(at(root, "hours").items.size(), 24U);
  EXPECT_EQ(at(strategies[2], "windows").items.size(), 24U);
  EXPECT_EQ(number(at(root, "assumptions"), "load_rate_bytes_per_s"), 2e9);
  EXPECT_EQ(number(at(root, "assumptions"), "drain_s"), 30.0);
  // 60 requests/s at the mean weight of 72 / 24 = 3, so 180 at weight 9.
  EXPECT_NEAR(number(at(root, "tasks").items[0], "peak_requests_per_s"), 180.0, 1e-9);
}

// One variant serves both here, so a shared fleet follows the busiest sum, not the sum of peaks.
TEST_F(ShareCommand, OppositePeaksAreCheaperTogether) {
  const text::Document json = json_of(run_moeplan({"share", a_, b_, "--format", "json"}));
  const auto& strategies = at(json.root, "strategies").items;
  EXPECT_LT(number(strategies[1], "engines"), number(strategies[0], "engines"));
  EXPECT_LT(number(strategies[2], "engines"), number(strategies[0], "engines"));
  EXPECT_NE(at(json.root, "recommendation").scalar, "separate");
}

TEST_F(ShareCommand, DrawsGiveEveryStrategyItsBands) {
  const Finished run =
      run_moeplan({"share", a_, b_, "--draws", "20", "--format", "json", "--threads", "2"});
  const text::Document json = json_of(run);
  const Node& root = json.root;
  EXPECT_EQ(number(at(root, "uncertainty"), "draws"), 20.0);
  EXPECT_FALSE(at(at(root, "uncertainty"), "notes").items.empty());
  for (const Node& s : at(root, "strategies").items) {
    const Node& u = at(s, "uncertainty");
    for (const char* key : {"engines", "cost_usd_per_month"}) {
      EXPECT_LE(number(at(u, key), "p05"), number(at(u, key), "p50")) << key;
      EXPECT_LE(number(at(u, key), "p50"), number(at(u, key), "p95")) << key;
    }
    EXPECT_GE(number(at(u, "probability_meets_objectives"), "value"), 0.0);
    EXPECT_LE(number(at(u, "probability_cheapest"), "value"), 1.0);
  }
  const Finished table = run_moeplan({"share", a_, b_, "--draws", "20"});
  EXPECT_THAT(table.out, HasSubstr("How sure this is: median and 5 to 95 % of 20 draws"));
  const text::Document without = json_of(run_moeplan({"share", a_, b_, "--format", "json"}));
  EXPECT_EQ(at(without.root, "uncertainty").kind, text::Kind::null);
  EXPECT_EQ(run_moeplan({"share", a_, b_, "--draws", "3"}).exit_code, 2);
  const std::string other =
      folder_.write("c.yaml", task("other", kEvening) + "uncertainty: {price: 0.3}\n").string();
  const Finished refused = run_moeplan({"share", a_, other, "--draws", "20"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("/uncertainty/price"));
}

TEST_F(ShareCommand, SameBytesForAnyNumberOfThreads) {
  const Finished one = run_moeplan({"share", a_, b_, "--format", "json", "--threads", "1"});
  const Finished two = run_moeplan({"share", a_, b_, "--format", "json", "--threads", "2"});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(one.out, two.out);
}

TEST_F(ShareCommand, ODirWritesWhatTheFormatsPrint) {
  const std::string out = (folder_ / "out").string();
  const Finished table = run_moeplan({"share", a_, b_, "-o", out});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("Recommendation: "));
  EXPECT_THAT(table.out, HasSubstr("Assumed, not measured: weights load at 2.00 GB/s"));
  for (const auto& [file, format] : std::vector<std::pair<std::string, std::string>>{
           {"share.json", "json"}, {"share.md", "markdown"}, {"strategies.csv", "csv"}}) {
    EXPECT_EQ(read_bytes(folder_ / ("out/" + file)),
              run_moeplan({"share", a_, b_, "--format", format}).out)
        << file;
  }
}

TEST_F(ShareCommand, DifferentModelsAreRefusedByFileAndKey) {
  const std::string other =
      folder_
          .write("other.yaml", with(task("evening", kEvening), "qwen3-30b-a3b, precision: bf16",
                                    "qwen3-30b-a3b, precision: fp8"))
          .string();
  const Finished run = run_moeplan({"share", a_, other});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.out, testing::IsEmpty());
  EXPECT_THAT(run.err, HasSubstr("error[E_VALUE] " + other + ":2:49 (/model/precision)"));
  EXPECT_THAT(run.err, HasSubstr("got fp8, expected bf16, as in " + a_));
}

TEST_F(ShareCommand, NothingFeasibleExitsWith4) {
  const std::string strict =
      folder_
          .write("strict.yaml", with(task("strict", kEvening), "ttft_p99: 2 s", "ttft_p99: 0.1 ms"))
          .string();
  const Finished run = run_moeplan({"share", a_, strict});
  EXPECT_EQ(run.exit_code, 4) << run.err;
  EXPECT_THAT(run.out, HasSubstr("none works"));
}

TEST_F(ShareCommand, WrongCommandLinesExitWith2) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"share"},
                                             {"share", a_},
                                             {"share", a_, b_, "--load-rate", "2"},
                                             {"share", a_, b_, "--load-rate", "0 GB/s"},
                                             {"share", a_, b_, "--drain", "-1 s"},
                                             {"share", a_, b_, "--window", "7 h"},
                                             {"share", a_, b_, "--window", "1 s"}}) {
    const Finished run = run_moeplan(arguments);
    EXPECT_EQ(run.exit_code, 2) << arguments.back();
  }
}

TEST_F(ShareCommand, DryRunCountsCandidates) {
  const Finished run = run_moeplan({"share", a_, b_, "--dry-run"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("2 candidates"));
}

}  // namespace
}  // namespace moeplan::tests
