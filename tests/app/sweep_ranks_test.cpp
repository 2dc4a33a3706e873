// moeplan-mpi: does a sweep over ranks give what one process gives, and does a rank that dies lose
// nothing that was finished? Skips where mpirun does not start ranks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "calibrate/all2all/launcher.hpp"
#include "tests/app/process.hpp"
#include "tests/calibrate/all2all/ranks.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;

constexpr int kPoints = 200;

class RankedSweep : public testing::Test {
 protected:
  void SetUp() override {
    if (!why_no_ranks().empty()) {
      GTEST_SKIP() << why_no_ranks();
    }
  }
  std::vector<std::string> arguments(const std::string& out) const {
    return {"sweep", file_,        "--evaluate", "simulate", "--requests",
            "4000",  "--replicas", "2",          "-o",       (directory_ / out).string()};
  }
  std::vector<std::string> over_ranks(int ranks, const std::string& out,
                                      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = calibrate::launcher_arguments(launcher(ranks));
    words.emplace_back(MOEPLAN_MPI_PROGRAM);
    for (const auto& list : {arguments(out), more}) {
      words.insert(words.end(), list.begin(), list.end());
    }
    return words;
  }
  int run(const std::vector<std::string>& command) const { return run_into(command, said_); }
  std::string said() const { return read_bytes(said_); }
  std::string exported(const std::string& out) const {
    return run_moeplan({"export", (directory_ / out).string()}).out;
  }
  std::int64_t lines_in(const std::string& out) const {
    const std::filesystem::path path = directory_ / out / "shard-0-of-1.jsonl";
    if (!std::filesystem::exists(path)) {
      return 0;
    }
    const std::string bytes = read_bytes(path);
    return std::count(bytes.begin(), bytes.end(), '\n');
  }
  // Ranks of this run, by rank.
  std::vector<pid_t> ranks_of(const std::string& out) const {
    std::vector<pid_t> pids = processes_with({MOEPLAN_MPI_PROGRAM, (directory_ / out).string()});
    std::erase_if(pids, [](pid_t pid) {  // mpirun names the program too
      return read_bytes("/proc/" + std::to_string(pid) + "/cmdline").starts_with("mpirun");
    });
    std::sort(pids.begin(), pids.end());
    return pids;
  }
  // Starts the command, kills rank `victim` once `rows` rows are there; the launcher's exit code.
  int run_and_kill(const std::vector<std::string>& command, const std::string& out, int ranks,
                   std::size_t victim, std::int64_t rows) const {
    const pid_t child = ::fork();
    if (child == 0) {
      // Open MPI leaves the others a second to say what is missing: too short on busy cores.
      ::setenv("OMPI_MCA_odls_base_sigkill_timeout", "4", 1);
      ::_exit(run_into(command, said_));
    }
    bool killed = false;
    int status = 0;
    for (int i = 0; i < 60000 && ::waitpid(child, &status, WNOHANG) == 0; ++i) {
      if (!killed && lines_in(out) > rows) {
        const std::vector<pid_t> pids = ranks_of(out);
        if (pids.size() == static_cast<std::size_t>(ranks)) {
          killed = ::kill(pids[victim], SIGKILL) == 0;
        }
      }
      ::usleep(1000);
    }
    EXPECT_TRUE(killed);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TemporaryDirectory directory_;
  std::string said_ = (directory_ / "said").string();
  std::string file_ =
      directory_
          .write("s.yaml",
                 "model: {architecture: qwen3-30b-a3b, precision: bf16}\n"
                 "pruning: {experts_kept: 64, router: reinitialised}\n"
                 "hardware: {gpu: h100-sxm, gpus: 1}\n"
                 "parallelism: {expert_parallel: false}\n"
                 "workload:\n"
                 "  rate: {from: 5 requests/s, to: 30 requests/s, points: 200}\n"
                 "  input_tokens: {distribution: log_normal, median: 300, sigma: 0.5, max: 2000}\n"
                 "  output_tokens: {tokens: 60}\n"
                 "objectives: {ttft_p99: 2 s, tpot_p99: 50 ms}\n"
                 "prices: {book: 2026-11}\n")
          .string();
};

TEST_F(RankedSweep, GivesTheBytesOfOneProcess) {
  ASSERT_EQ(run_moeplan(arguments("alone")).exit_code, 0);
  for (const int ranks : {1, 3}) {
    const std::string out = "ranks" + std::to_string(ranks);
    ASSERT_EQ(run(over_ranks(ranks, out)), 0) << said();
    EXPECT_THAT(said(), HasSubstr("all 200 points"));
    EXPECT_EQ(exported(out), exported("alone"));
    EXPECT_EQ(lines_in(out), kPoints + 1);
  }
}

TEST_F(RankedSweep, ARankThatDiesLosesNothingThatWasFinished) {
  ASSERT_EQ(run_moeplan(arguments("alone")).exit_code, 0);
  const int code = run_and_kill(over_ranks(4, "out"), "out", 4, 2, 20);
  EXPECT_NE(code, 0);
  EXPECT_THAT(said(), HasSubstr("are missing"));  // rank 0 says so
  EXPECT_THAT(said(), HasSubstr("--resume"));
  const std::int64_t kept = lines_in("out");
  EXPECT_GT(kept, 20);
  EXPECT_LT(kept, kPoints);
  const std::string before = read_bytes(directory_ / "out/shard-0-of-1.jsonl");
  ASSERT_EQ(run(over_ranks(4, "out", {"--resume"})), 0) << said();
  EXPECT_THAT(read_bytes(directory_ / "out/shard-0-of-1.jsonl"), testing::StartsWith(before));
  EXPECT_EQ(lines_in("out"), kPoints + 1);  // nothing finished was done again
  EXPECT_EQ(exported("out"), exported("alone"));
}

TEST_F(RankedSweep, NeitherDoesTheOneThatWrites) {
  ASSERT_EQ(run_moeplan(arguments("alone")).exit_code, 0);
  EXPECT_NE(run_and_kill(over_ranks(4, "out"), "out", 4, 0, 20), 0);
  EXPECT_THAT(said(), HasSubstr("--resume"));
  EXPECT_GT(lines_in("out"), 20);
  ASSERT_EQ(run(over_ranks(2, "out", {"--resume"})), 0) << said();
  EXPECT_EQ(lines_in("out"), kPoints + 1);
  EXPECT_EQ(exported("out"), exported("alone"));
}

TEST_F(RankedSweep, WrongInputIsSaidOnceWithItsExitCode) {
  directory_.write("s.yaml", "model: {architecture: qwen3-30b-a3b}\nworkload: {rate: [1, 2]}\n");
  EXPECT_EQ(run(over_ranks(3, "out")), 3);
  const std::string text = said();
  const std::size_t first = text.find("E_UNIT");
  EXPECT_NE(first, std::string::npos) << text;
  EXPECT_THAT(text, HasSubstr("s.yaml:2:"));
  std::vector<std::string> command = calibrate::launcher_arguments(launcher(2));
  command.insert(command.end(), {MOEPLAN_MPI_PROGRAM, "swep"});
  EXPECT_EQ(run(command), 2);
}

}  // namespace
}  // namespace moeplan::tests
