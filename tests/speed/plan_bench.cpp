// Suite `plan` of ./moeplan bench: time and peak memory of the default `moeplan plan`, and the time
// of a release build from an empty folder without the compiler cache. Runs the programs as a user
// does, as child processes, and asks the kernel what they took (wait4).
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/speed/bench_main.hpp"

namespace {

constexpr int kRuns = 5;

struct Run {
  double seconds = 0.0;
  double peak_mb = 0.0;  // 1e6 bytes
};

// Runs the command with its output thrown away. Throws: std::runtime_error unless it exits with 0.
Run run(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  const auto begin = std::chrono::steady_clock::now();
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw std::runtime_error(fmt::format("cannot start {}", command[0]));
  }
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error(fmt::format("{} failed, status {}", fmt::join(command, " "), status));
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  return {wall.count(), static_cast<double>(usage.ru_maxrss) * 1024.0 / 1e6};
}

// A folder that is removed when the program ends, also by an exception.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "moeplan_bench.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("cannot make a folder in " + name);
    }
    path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

double build_seconds(unsigned jobs) {
  setenv("CCACHE_DISABLE", "1", 1);
  const ScratchFolder folder;
  const Run configure = run({"cmake", "-S", MOEPLAN_ROOT, "-B", folder.path(), "-G", "Ninja",
                             "-DCMAKE_BUILD_TYPE=Release", "-DMOEPLAN_TESTS=OFF"});
  const Run build = run({"ninja", "-C", folder.path(), "-j", fmt::format("{}", jobs), "moeplan"});
  return configure.seconds + build.seconds;
}

void print_figures(bool json) {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  std::vector<Run> runs;
  for (int i = 0; i < kRuns; ++i) {
    runs.push_back(run({MOEPLAN_PROGRAM, "plan"}));
  }
  std::sort(runs.begin(), runs.end(),
            [](const Run& a, const Run& b) { return a.seconds < b.seconds; });
  double peak_mb = 0.0;
  for (const Run& one : runs) {
    peak_mb = std::max(peak_mb, one.peak_mb);
  }
  const double build = build_seconds(cores);
  const std::string how = fmt::format(
      "median of {} runs of `moeplan plan` ({:.2f} to {:.2f} s), highest peak memory; configure "
      "and "
      "build of target moeplan from an empty folder, release, no compiler cache; {} cores",
      kRuns, runs.front().seconds, runs.back().seconds, cores);
  const double median = runs[kRuns / 2].seconds;
  if (json) {
    fmt::print(
        "{{\"plan_default_seconds\": {:.4f}, \"plan_default_peak_mb\": {:.1f}, "
        "\"build_seconds\": {:.1f}, \"plan_how\": \"{}\"}}\n",
        median, peak_mb, build, how);
  } else {
    fmt::print("plan_default_seconds  {:>8.3f}\n", median);
    fmt::print("plan_default_peak_mb  {:>8.1f}\n", peak_mb);
    fmt::print("build_seconds         {:>8.1f}\n", build);
    fmt::print("how: {}\n", how);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return moeplan::speed::bench_main(argc, argv, "plan_bench", print_figures);
}
