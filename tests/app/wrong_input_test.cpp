// Wrong input of every kind, as the user meets it: exit code 3, nothing on stdout, and a message
// that names the place, what was got and what is expected (tests.md C3).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "models/text/load.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

void expect_refused(const Finished& run, const std::vector<std::string>& parts) {
  EXPECT_EQ(run.exit_code, 3) << run.err;
  EXPECT_THAT(run.out, IsEmpty());
  for (const std::string& part : parts) {
    EXPECT_THAT(run.err, HasSubstr(part));
  }
}

TEST(WrongInput, FilesThatCannotBeRead) {  // rows 1 to 3
  const TemporaryDirectory folder;
  expect_refused(run_moeplan({"plan", "nowhere.yaml"}),
                 {"error[E_IO] nowhere.yaml: cannot open", "No such file or directory"});
  expect_refused(run_moeplan({"plan", folder.path().string()}), {"error[E_IO]", "Is a directory"});
  expect_refused(run_moeplan({"plan", ""}), {"error[E_IO]", "the file name is empty"});
}

TEST(WrongInput, ManyProblemsAreCut) {
  const TemporaryDirectory folder;
  std::string text = kScenario;
  for (int i = 0; i < 25; ++i) {
    text += "zzz" + std::to_string(i) + ": 1\n";
  }
  const Finished run = run_moeplan({"plan", folder.write("s.yaml", text).string()});
  expect_refused(run, {"/zzz0", "... and 5 more"});
  EXPECT_THAT(run.err, testing::Not(HasSubstr("/zzz20")));
}

// A copy of models/data of which one file is wrong.
TEST(WrongInput, CatalogFilesThroughMoeplanData) {
  struct Case {
    std::string file;
    std::string what;
    std::string by;
    std::vector<std::string> parts;
  };
  const std::vector<Case> cases = {
      {"gpus/h100-sxm.yaml",
       "3350 GB/s",
       "3350",
       {"E_UNIT", "gpus/h100-sxm.yaml:13:", "(/bandwidth/value)", "the unit is missing", "GB/s"}},
      {"gpus/h100-sxm.yaml", "3350 GB/s", "3350 Gb/s", {"ambiguous unit 'Gb/s'", "Gbit or GB"}},
      {"gpus/h100-sxm.yaml", "value: 132", "value: 0", {"E_RANGE", "(/multiprocessors/value)"}},
      {"gpus/h100-sxm.yaml",
       "value: nvlink4",
       "value: nvlink44",
       {"s.yaml:7:8 (/hardware/gpu)", "fabric of h100-sxm", "did you mean 'nvlink4'?"}},
      {"fabrics/nvlink4.yaml",
       "kind: nvlink",
       "kind: nvlinc",
       {"fabrics/nvlink4.yaml:5:", "did you mean 'nvlink'?"}},
      {"prices/2026-11.yaml", "55.04 USD/h", "55.04", {"E_UNIT", "/rent", "USD/h"}},
      {"prices/2026-11.yaml", "currency: USD", "currency: USD\ncurrency: USD", {"E_DUPLICATE"}},
      {"accuracy/qwen3-30b-a3b-reap-code.yaml",
       "0.884",
       "88.4",
       {"E_RANGE", "/points/0/values/HumanEval+", "0 to 1"}},
      {"architectures/qwen3-30b-a3b.json",
       "\"num_experts\": 128",
       "\"num_experts\": \"128\"",
       {"E_TYPE", "(/num_experts)", "remove the quotes"}},
      {"architectures/qwen3-30b-a3b.json",
       "\"head_dim\": 128,",
       "\"head_dim\": 128,,",
       {"E_SYNTAX", "qwen3-30b-a3b.json:13:"}},
      {"profiles/h100-sxm.json", "\"rows\": ", "\"rows\": 1", {"checksum mismatch"}},
      {"profiles/h100-sxm.json",
       "\"schema_version\": 1",
       "\"schema_version\": 9",
       {"E_SCHEMA", "profiles/h100-sxm.json:3:", "newer than this moeplan"}},
  };
  const TemporaryDirectory folder;
  const std::filesystem::path data = folder / "data";
  std::filesystem::copy(data_dir(), data, std::filesystem::copy_options::recursive);
  const std::string scenario = folder.write("s.yaml", kScenario).string();
  const RunOptions options{.environment = {{"MOEPLAN_DATA", data.string()}}};
  ASSERT_EQ(run_moeplan({"plan", scenario, "--dry-run"}, options).exit_code, 0);
  for (const Case& c : cases) {
    const std::string good = read_bytes(data / c.file);
    folder.write("data/" + c.file, with(good, c.what, c.by));
    SCOPED_TRACE(c.file + ": " + c.by);
    expect_refused(run_moeplan({"plan", scenario, "--dry-run"}, options), c.parts);
    folder.write("data/" + c.file, good);
  }
  expect_refused(run_moeplan({"plan", scenario}, {.environment = {{"MOEPLAN_DATA", "/nowhere"}}}),
                 {"E_IO", "/nowhere", "set MOEPLAN_DATA"});
}

TEST(WrongInput, LatencyThatNothingReachesIsInfeasibleWithItsFloor) {  // row 42
  const TemporaryDirectory folder;
  const std::string file = folder.write("s.yaml", with(kScenario, "2 s", "1 us")).string();
  const Finished run = run_moeplan({"plan", file, "--format", "json"});
  EXPECT_EQ(run.exit_code, 4);
  const text::Document plan = text::parse_json(run.out, "stdout");
  EXPECT_EQ(plan.root.find("recommendation")->kind, text::Kind::null);
  const text::Node& rows = *plan.root.find("infeasible");
  ASSERT_EQ(rows.items.size(), 10U) << "every candidate has its reason";
  for (const text::Node& row : rows.items) {
    EXPECT_EQ(row.find("code")->scalar, "latency");
    EXPECT_THAT(row.find("reason")->scalar,
                testing::ContainsRegex(
                    "^screened: ttft is at least [0-9.]+ ms even without load \\(objective 1.00 us"
                    "\\); the largest term is [a-z -]+ \\("));
  }
  EXPECT_THAT(plan.root.find("baseline_reason")->scalar, HasSubstr("even without load"));
}

}  // namespace
}  // namespace moeplan::tests
