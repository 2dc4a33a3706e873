// moeplan sweep, merge and export as a user runs them: killed, interrupted, in parts, misused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "models/text/load.hpp"
#include "tests/app/json_values.hpp"
#include "tests/app/process.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int kPoints = 60;

// One design at many rates; a point takes milliseconds.
std::string scenario(const std::string& rate) {
  return "model: {architecture: qwen3-30b-a3b, precision: bf16}\n"
         "pruning: {experts_kept: 64, router: reinitialised}\n"
         "hardware: {gpu: h100-sxm, gpus: 1}\n"
         "parallelism: {expert_parallel: false}\n"
         "workload:\n"
         "  rate: " +
         rate +
         "\n"
         "  input_tokens: {distribution: log_normal, median: 300, sigma: 0.5, max: 2000}\n"
         "  output_tokens: {tokens: 60}\n"
         "objectives: {ttft_p99: 2 s, tpot_p99: 50 ms}\n"
         "prices: {book: 2026-11}\n";
}

class Sweep : public testing::Test {
 protected:
  std::vector<std::string> command(const std::string& out, std::vector<std::string> more) const {
    std::vector<std::string> words = {"sweep", file_,        "--evaluate", "simulate", "--requests",
                                      "2000",  "--replicas", "2",          "-o",       folder(out)};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::string folder(const std::string& name) const { return (directory_ / name).string(); }
  Finished sweep(const std::string& out, std::vector<std::string> more = {},
                 const RunOptions& options = {}) const {
    return run_moeplan(command(out, std::move(more)), options);
  }
  std::string exported(const std::string& out, const std::string& format = "csv") const {
    const Finished run = run_moeplan({"export", folder(out), "--format", format});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return run.out;
  }
  std::int64_t lines_in(const std::string& journal) const {
    const std::filesystem::path path = directory_ / journal;
    if (!std::filesystem::exists(path)) {
      return 0;
    }
    const std::string bytes = read_bytes(path);
    return std::count(bytes.begin(), bytes.end(), '\n');
  }

  TemporaryDirectory directory_;
  std::string file_ =
      directory_.write("s.yaml", scenario("{from: 5 requests/s, to: 30 requests/s, points: 60}"))
          .string();
};

// C2 26: interrupted and resumed is uninterrupted, byte for byte; nothing finished is done again.
TEST_F(Sweep, KilledFiveTimesAndResumedIsTheUninterruptedOne) {
  const Finished whole = sweep("whole", {"--threads", "1"});
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const std::string journal = "killed/shard-0-of-1.jsonl";
  int kills = 0;
  std::int64_t kept = 0;
  for (int i = 0; i < 5; ++i) {
    // At five different places: after 4, 13, 22, ... rows, within the next one.
    const std::int64_t until = std::max<std::int64_t>(kept, 1) + 3 + 2 * i;
    const Finished run =
        sweep("killed", {"--threads", "2", "--resume"},
              {.interrupt = SIGKILL, .interrupt_when = [&] { return lines_in(journal) > until; }});
    kills += run.signal == SIGKILL ? 1 : 0;
    const std::int64_t now = lines_in(journal);
    EXPECT_GE(now, kept);  // only ever appended to
    kept = now;
  }
  EXPECT_EQ(kills, 5);
  EXPECT_LT(kept, kPoints);
  const Finished last = sweep("killed", {"--resume"});
  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(exported("killed"), exported("whole"));
  EXPECT_EQ(exported("killed", "jsonl"), exported("whole", "jsonl"));
  EXPECT_EQ(lines_in(journal), kPoints + 1);  // a header, and every point once
}

TEST_F(Sweep, ShardsMergedAreOneRunAreTwoThreads) {
  ASSERT_EQ(sweep("one", {"--threads", "1"}).exit_code, 0);
  ASSERT_EQ(sweep("two", {"--threads", "2"}).exit_code, 0);
  // One by number, one as Kubernetes says it.
  ASSERT_EQ(sweep("parts", {"--shard", "0/2"}).exit_code, 0);
  const Finished second =
      sweep("parts", {"--shard", "auto/2"}, {.environment = {{"JOB_COMPLETION_INDEX", "1"}}});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr("shard 1/2: 30 of 60 points"));
  for (int i = 0; i < 2; ++i) {  // any number of times
    const Finished merged = run_moeplan({"merge", folder("parts"), "-o", folder("parts")});
    ASSERT_EQ(merged.exit_code, 0) << merged.err;
    EXPECT_THAT(merged.out, HasSubstr("all 60 points"));
  }
  const Finished alone = run_moeplan({"export", folder("parts") + "/results.sqlite"});
  EXPECT_EQ(alone.out, exported("one"));
  EXPECT_EQ(exported("two"), exported("one"));
  EXPECT_EQ(exported("parts"), exported("one"));
  const Finished to_file =
      run_moeplan({"export", folder("parts"), "--format", "jsonl", "-o", folder("rows.jsonl")});
  EXPECT_EQ(to_file.exit_code, 0);
  EXPECT_EQ(to_file.out, "");
  EXPECT_EQ(read_bytes(folder("rows.jsonl")), exported("one", "jsonl"));
}

TEST_F(Sweep, AnInterruptKeepsWhatIsDone) {
  const std::string journal = "out/shard-0-of-1.jsonl";
  const Finished stopped =
      sweep("out", {"--threads", "1"},
            {.interrupt = SIGINT, .interrupt_when = [&] { return lines_in(journal) > 5; }});
  EXPECT_EQ(stopped.exit_code, 130);
  EXPECT_EQ(stopped.out, "");
  EXPECT_THAT(stopped.err, HasSubstr("--resume"));
  EXPECT_THAT(stopped.err, HasSubstr("are missing"));
  const Finished part = run_moeplan({"export", folder("out")});
  EXPECT_EQ(part.exit_code, 0);
  EXPECT_EQ(std::count(part.out.begin(), part.out.end(), '\n'), lines_in(journal));
  EXPECT_THAT(part.err, HasSubstr("of 60 points; missing:"));
  const Finished again = sweep("out");
  EXPECT_EQ(again.exit_code, 3);
  EXPECT_THAT(again.err, HasSubstr("--resume goes on"));
  EXPECT_EQ(sweep("out", {"--resume"}).exit_code, 0);
}

TEST_F(Sweep, PrintsItsRowsAndIsSilentOtherwise) {
  const Finished csv = run_moeplan({"sweep", file_, "--evaluate", "simulate", "--replicas", "2",
                                    "--requests", "2000", "--format", "csv"});
  ASSERT_EQ(csv.exit_code, 0);
  EXPECT_EQ(csv.err, "");
  EXPECT_THAT(csv.out, testing::StartsWith("task,id,workload.rate_per_s,seed,status,reason,"));
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), kPoints + 1);
  const Finished table = sweep("out");
  EXPECT_THAT(table.out, HasSubstr("cost_usd_per_month"));
  EXPECT_THAT(table.out, HasSubstr("... and 10 more points"));
  EXPECT_THAT(table.out, HasSubstr("all 60 points"));
}

TEST_F(Sweep, ADryRunCountsAndEstimatesAndWritesNothing) {
  const Finished run = sweep("out", {"--dry-run", "--threads", "2", "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document json = text::parse_json(run.out, "dry");
  EXPECT_EQ(json.root.find("points")->scalar, "60");
  EXPECT_EQ(json.root.find("threads")->scalar, "2");
  EXPECT_GT(std::stod(json.root.find("estimated_seconds")->scalar), 0.0);
  EXPECT_GT(std::stod(json.root.find("estimated_memory_bytes")->scalar), 1e6);
  EXPECT_FALSE(std::filesystem::exists(folder("out")));
}

TEST_F(Sweep, PrintConfigShowsTheFirstPointAndTheAxes) {
  EXPECT_THAT(sweep("out", {"--print-config"}).out,
              testing::ContainsRegex("sweep workload.rate .*s.yaml:6:"));
  const Finished run = sweep("out", {"--print-config", "--format", "json"});
  const text::Document json = text::parse_json(run.out, "config");
  const text::Node& axis = *json.root.find("sweep")->find("workload.rate");
  EXPECT_EQ(axis.find("values")->items.size(), 60U);
  EXPECT_THAT(axis.find("from")->scalar, HasSubstr("s.yaml:6:"));
  const text::Node& first = *json.root.find("first_point");
  EXPECT_EQ(first.find("workload.requests")->find("from")->scalar, "--requests");
  EXPECT_EQ(first.find("seed")->find("from")->scalar, "derived: from the point's id");
}

// The paper's scenarios, as they lie in the repository.
TEST_F(Sweep, StaticForwardsAreSweptToo) {
  const std::string file = (source_dir() / "scenarios/paper/fig2a_experts.yaml").string();
  const std::vector<std::string> words = {"sweep", file, "--evaluate", "simulate"};
  const auto with_more = [&](std::vector<std::string> more) {
    more.insert(more.begin(), words.begin(), words.end());
    return run_moeplan(more);
  };
  const Finished run = with_more({"-o", folder("static"), "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document json = text::parse_json(run.out, "rows");
  const text::Document one =
      text::parse_json(run_moeplan({"simulate", file, "--format", "json"}).out, "passes");
  const auto& rows = json.root.find("rows")->items;
  const auto& passes = one.root.find("passes")->items;
  ASSERT_EQ(rows.size(), passes.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const char* key : {"forward_s", "forward_p95_s", "moe_layer_s", "dropped_fraction"}) {
      EXPECT_EQ(rows[i].find(key)->scalar, passes[i].find(key)->scalar) << key;
    }
    EXPECT_EQ(rows[i].find("experts_s")->scalar,
              passes[i].find("terms")->find("experts_s")->scalar);
  }
  const std::string csv = exported("static");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5);
  EXPECT_EQ(run_moeplan({"sweep", file}).exit_code, 3) << "plan is the default";
  for (const char* flag : {"--seed", "--requests", "--replicas"}) {
    EXPECT_EQ(with_more({flag, "7"}).exit_code, 2) << flag;
  }
  EXPECT_THAT(with_more({"--dry-run"}).out, HasSubstr("valid; 4 points"));
  EXPECT_THAT(with_more({"--print-config"}).out, HasSubstr("static_forward/a10.json"));
}

TEST_F(Sweep, WrongInputIsSaidWithKeyAndLineBeforeAnythingRuns) {
  const auto refused = [&](const std::string& rate, const std::string& more,
                           const std::vector<std::string>& parts) {
    const std::string bad = directory_.write("bad.yaml", scenario(rate) + more).string();
    const Finished run = run_moeplan({"sweep", bad, "-o", folder("bad")});
    EXPECT_EQ(run.exit_code, 3) << run.err;
    EXPECT_FALSE(std::filesystem::exists(folder("bad")));
    for (const std::string& part : parts) {
      EXPECT_THAT(run.err, HasSubstr(part));
    }
  };
  refused("{from: 9 requests/s, to: 5 requests/s, points: 3}", "",
          {"bad.yaml:6:", "/workload/rate/to", "ends above"});
  refused("[5 requests/s, 5 rps]", "", {"bad.yaml:6:", "/workload/rate", "requests/s"});
  refused("{form: 5 requests/s, to: 9 requests/s, points: 3}", "", {"bad.yaml:6:", "'from'"});
  refused("5 requests/s", "engine: {max_sequnces: [1, 2]}\n",
          {"bad.yaml:11:", "did you mean 'max_sequences'"});
  // Points that do not go together: which one.
  refused("5 requests/s", "engine: {max_batched_tokens: [8192, 8], chunked_prefill: false}\n",
          {"bad.yaml:11:", "at engine.max_batched_tokens 8"});
}

TEST_F(Sweep, ForeignDamagedAndOtherResultsAreRefused) {
  ASSERT_EQ(sweep("out").exit_code, 0);
  const std::string store = folder("out") + "/results.sqlite";
  const std::string bytes = read_bytes(store);
  // Of another scenario.
  directory_.write("s.yaml", scenario("{from: 6 requests/s, to: 30 requests/s, points: 60}"));
  const Finished other = sweep("out", {"--resume"});
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("another sweep"));
  // Damaged, foreign, no SQLite at all.
  directory_.write("out/results.sqlite", bytes.substr(0, bytes.size() / 2));
  const Finished damaged = run_moeplan({"export", store});
  EXPECT_EQ(damaged.exit_code, 3);
  EXPECT_THAT(damaged.err, HasSubstr("results.sqlite"));
  const std::string text = directory_.write("text.sqlite", "hello\n").string();
  for (const char* verb : {"export", "merge"}) {
    const Finished foreign = run_moeplan({verb, text});
    EXPECT_EQ(foreign.exit_code, 3);
    EXPECT_THAT(foreign.err, HasSubstr("neither a journal nor a store"));
  }
  EXPECT_EQ(run_moeplan({"export", folder("nowhere")}).exit_code, 3);
  EXPECT_EQ(run_moeplan({"merge", folder("out") + "/shard-0-of-1.jsonl", "-o", text}).exit_code, 3);
  EXPECT_EQ(read_bytes(text), "hello\n");
}

TEST_F(Sweep, AFullDiskEndsItWithWhatFits) {
  const Finished full = sweep("out", {}, {.file_size_limit = 20000});
  EXPECT_EQ(full.exit_code, 6);
  EXPECT_THAT(full.err, HasSubstr("shard-0-of-1.jsonl"));
  const std::int64_t kept = lines_in("out/shard-0-of-1.jsonl");
  EXPECT_GT(kept, 1);
  EXPECT_LT(kept, kPoints);
  ASSERT_EQ(sweep("out", {"--resume"}).exit_code, 0);
  EXPECT_EQ(lines_in("out/shard-0-of-1.jsonl"), kPoints + 1);
}

}  // namespace
}  // namespace moeplan::tests
