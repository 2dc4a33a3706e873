// Are launches started, ended and waited for, with all that they started?
#include "calibrate/measurement/process.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <system_error>
#include <thread>

#include "calibrate/measurement/preemption.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::calibrate {
namespace {

TEST(Process, GivesTheExitCode) {
  EXPECT_EQ(run_process({"true"}).exit_code, 0);
  EXPECT_EQ(run_process({"sh", "-c", "exit 7"}).exit_code, 7);
  EXPECT_EQ(run_process({"sh", "-c", "kill -TERM $$"}).exit_code, 128 + SIGTERM);
}

TEST(Process, AProgramThatIsNotThereThrows) {
  EXPECT_THROW(run_process({"/nonexistent/program"}), std::system_error);
}

TEST(Process, TimeoutEndsTheProcessAndItsChildren) {
  const tests::TemporaryDirectory directory;
  const std::string file = (directory / "pid").string();
  const auto begin = std::chrono::steady_clock::now();
  const ProcessEnd end = run_process({"sh", "-c", "sleep 60 & echo $! > " + file + "; wait"},
                                     {.longest = milliseconds(300.0)});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.exit_code, 128 + SIGTERM);
  int pid = 0;
  std::ifstream(file) >> pid;
  ASSERT_GT(pid, 0);
  // Gone, or dead and waiting for whoever collects orphans.
  std::string state = "Z";
  for (int tries = 0; tries < 100 && ::kill(pid, 0) == 0; ++tries) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string skip;
    stat >> skip >> skip >> state;
    if (state == "Z") {
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(::kill(pid, 0) != 0 || state == "Z");
}

TEST(Process, ASignalIsPassedOnOnce) {
  int asked = 0;
  const ProcessEnd end =
      run_process({"sh", "-c", "trap 'exit 42' INT; while :; do sleep 0.01; done"},
                  {.longest = seconds(20.0), .signal = [&] { return ++asked > 30 ? SIGINT : 0; }});
  EXPECT_EQ(end.exit_code, 42);
  EXPECT_FALSE(end.timed_out);
}

TEST(Process, StartsItsOwnProgram) {
  // A filter that no test fits: GoogleTest ends with 0, and other programs do not know the flag.
  EXPECT_EQ(run_process({own_program(), "--gtest_list_tests", "--gtest_filter=None"}).exit_code, 0);
}

TEST(Preemption, CountsCoresThatWereTakenAway) {
  // More busy threads than cores: the scheduler has to take one's core away sooner or later.
  const std::int64_t before = involuntary_switches();
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency() + 2; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
      }
    });
  }
  for (int tries = 0; tries < 1000 && involuntary_switches() == before; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GT(involuntary_switches(), before);
}

}  // namespace
}  // namespace moeplan::calibrate
