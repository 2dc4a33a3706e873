// Suite `plan` of ./moeplan bench: time and peak memory of the default `moeplan plan`, and the time
// of a release build from an empty folder without the compiler cache. Runs the programs as a user
// does, as child processes, and asks the kernel what they took (wait4).
#include <fmt/format.h>

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
#include "tests/speed/child.hpp"

namespace {

using moeplan::speed::Run;
using moeplan::speed::run;
using moeplan::speed::ScratchFolder;

constexpr int kRuns = 5;

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
