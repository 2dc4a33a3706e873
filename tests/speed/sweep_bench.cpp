// Suite sweep of ./moeplan bench: 10,000 points of the default scenario around one design
// (scenarios/sweep/ten_thousand_points.yaml: a point is one engine of 15, simulated for 1000
// requests), and what a second thread and a second rank bring, beside what they bring a loop that
// only counts, in the same run.
//   sweep_evaluations_per_second  points / seconds of the whole program, two threads, with its
//   store sweep_two_thread_speedup      seconds with one thread / with two sweep_two_rank_speedup
//   seconds of one rank / of two, one thread each, mpirun's start and
//                                 end included; null without MPI
//   spin_two_thread_speedup       counting on one thread / half of it on each of two
// Speed-ups: the median of rounds of all six runs in turns, because other programs come and go.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>
#include <thread>

#include "models/text/json.hpp"
#include "tests/speed/bench_main.hpp"
#include "tests/speed/child.hpp"

namespace moeplan::speed {
namespace {

constexpr int kPoints = 10000;
constexpr int kRounds = 3;
constexpr std::uint64_t kCounts = 3'000'000'000;

using Command = std::vector<std::string>;

Command sweep(Command program, const std::string& scenario, const std::string& out,
              const Command& more) {
  Command words = std::move(program);
  for (const char* word :
       {"sweep", "--evaluate", "simulate", "--replicas", "15", "--requests", "1000", "-q"}) {
    words.emplace_back(word);
  }
  words.insert(words.end(), {scenario, "-o", out});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// Seconds until each of `threads` has done its part of the counting.
double spin(int threads) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([threads] {
      std::uint64_t state = 1;
      for (std::uint64_t n = kCounts / static_cast<std::uint64_t>(threads); n > 0; --n) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      }
      volatile std::uint64_t kept = state;  // or nothing is counted
      (void)kept;
    });
  }
  for (std::thread& thread : all) {
    thread.join();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print(bool json) {
  ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
  ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  const ScratchFolder folder;
  int outputs = 0;
  const auto fresh = [&] { return folder / std::to_string(outputs++); };
  const std::string full = std::string(MOEPLAN_ROOT) + "/scenarios/sweep/ten_thousand_points.yaml";
  const double whole = run(sweep({MOEPLAN_PROGRAM}, full, fresh(), {"--threads", "2"})).seconds;
  fmt::print(stderr, "{} points on two threads: {:.1f} s\n", kPoints, whole);

  const auto threads = [&](const char* count) {
    return run(sweep({MOEPLAN_PROGRAM}, full, fresh(), {"--threads", count})).seconds;
  };
  const auto ranks = [&](const char* count) {
    return run(sweep({"mpirun", "--oversubscribe", "--bind-to", "none", "-n", count,
                      MOEPLAN_MPI_PROGRAM},
                     full, fresh(), {"--threads", "1"}))
        .seconds;
  };
  bool has_ranks = std::string(MOEPLAN_MPI_PROGRAM).empty() == false;
  if (has_ranks) {
    try {
      run({"mpirun", "--oversubscribe", "-n", "2", "true"});
    } catch (const std::runtime_error& error) {
      fmt::print(stderr, "no ranks: {}\n", error.what());
      has_ranks = false;
    }
  }
  std::vector<double> by_threads;
  std::vector<double> by_ranks;
  std::vector<double> by_spin;
  for (int round = 0; round < kRounds; ++round) {
    by_spin.push_back(spin(1) / spin(2));
    by_threads.push_back(threads("1") / threads("2"));
    by_ranks.push_back(has_ranks ? ranks("1") / ranks("2") : 0.0);
    fmt::print(stderr, "round {}: spin {:.3f}, threads {:.3f}, ranks {:.3f}\n", round + 1,
               by_spin.back(), by_threads.back(), by_ranks.back());
  }
  const double rate = kPoints / whole;
  if (json) {
    fmt::print("{}", text::Json::object()
                         .set("sweep_evaluations_per_second", rate)
                         .set("sweep_two_thread_speedup", median(by_threads))
                         .set("sweep_two_rank_speedup",
                              has_ranks ? text::Json(median(by_ranks)) : text::Json())
                         .set("spin_two_thread_speedup", median(by_spin))
                         .pretty());
    return;
  }
  fmt::print("points a second, 10,000 points on two threads   {:.0f}\n", rate);
  fmt::print("two threads over one, sweep                     {:.3f}\n", median(by_threads));
  if (has_ranks) {
    fmt::print("two ranks over one, sweep                       {:.3f}\n", median(by_ranks));
  }
  fmt::print("two threads over one, counting                  {:.3f}\n", median(by_spin));
}

}  // namespace
}  // namespace moeplan::speed

int main(int argc, char** argv) {
  return moeplan::speed::bench_main(argc, argv, "sweep_bench", moeplan::speed::print);
}
