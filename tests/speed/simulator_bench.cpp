// Suite `simulator` of ./moeplan bench: how fast one core simulates (scenarios/speed), how the
// event queue compares with a bare heap, how fast hopeless designs are screened, and the memory of
// ten million requests. Full metrics with exact percentiles in every run, jitter off and on. Each
// run of the suite holds 1,000 requests of every scenario against the plain engine, which touches
// every sequence in every step.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/engine/event_queue.hpp"
#include "sim/evaluate.hpp"
#include "sim/plan/candidates.hpp"
#include "sim/plan/design.hpp"
#include "sim/plan/screen.hpp"
#include "sim/serving/model_step_cost.hpp"
#include "tests/speed/bench_main.hpp"
#include "tests/support/bare_heap.hpp"

namespace {

using namespace moeplan::sim;
using Clock = std::chrono::steady_clock;

constexpr double kJitter = 0.05;
constexpr std::int64_t kChecked = 1000;
constexpr std::int64_t kMemoryRequests = 10'000'000;
constexpr std::size_t kPending = 100'000;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// What this thread computed, which on a busy machine is less than the time that passed.
double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Time of `work`, run again and again: its median and extremes.
struct Timing {
  double median = 0.0;
  double cpu_median = 0.0;
  double best = 0.0;
  double worst = 0.0;
  std::size_t runs = 0;
};

template <class Work>
Timing time_of(std::size_t runs, Work work) {
  std::vector<double> times;
  std::vector<double> cpu_times;
  for (std::size_t i = 0; i < runs; ++i) {
    const double cpu_begin = cpu_seconds();
    const auto begin = Clock::now();
    work();
    times.push_back(seconds_since(begin));
    cpu_times.push_back(cpu_seconds() - cpu_begin);
  }
  std::sort(times.begin(), times.end());
  std::sort(cpu_times.begin(), cpu_times.end());
  return {times[runs / 2], cpu_times[runs / 2], times.front(), times.back(), runs};
}

std::filesystem::path scenario_file(const std::string& name) {
  return std::filesystem::path(MOEPLAN_ROOT) / "scenarios" / "speed" / (name + ".yaml");
}

// One design of one scenario.
class Bench {
 public:
  explicit Bench(const Scenario& scenario) : scenario_(scenario) {
    auto placed = deploy(scenario_, candidates(scenario_).front());
    if (const auto* why = std::get_if<Infeasible>(&placed)) {
      throw std::runtime_error(scenario.name + ": " + why->reason);
    }
    deployment_ = std::get<Deployment>(std::move(placed));
  }

  Load load() const {
    const Workload& w = scenario_.workload;
    return full_load(scenario_,
                     w.closed_loop ? static_cast<double>(w.concurrency) : in_per_second(w.rate));
  }

  // The first requests by both engines. Throws: std::runtime_error where anything differs.
  void check() {
    SimulationSetup setup = setup_of(deployment_, load());
    setup.mix.request_count = std::min(setup.mix.request_count, kChecked);
    if (auto* loop = std::get_if<ClosedLoop>(&setup.mix.arrivals)) {
      loop->concurrency = std::min<std::int32_t>(loop->concurrency, kChecked);
    }
    ModelStepCost cost(deployment_);
    const ServingTrace fast = simulate(setup, cost);
    setup.limits.scheduler.plain = true;
    const ServingTrace plain = simulate(setup, cost);
    if (fast.requests != plain.requests || !(fast.phases == plain.phases) ||
        fast.steps != plain.steps || fast.end != plain.end ||
        !(distribution_of(fast.gaps) == distribution_of(plain.gaps))) {
      throw std::runtime_error(scenario_.name + ": the fast engine and the plain one disagree");
    }
  }

  Timing time(std::size_t runs) {
    ModelStepCost cost(deployment_);
    const Load all = load();
    metrics_ = run(deployment_, all, cost);  // prices of token counts are made once per design
    return time_of(runs, [&] { metrics_ = run(deployment_, all, cost); });
  }

  const ServingMetrics& metrics() const { return metrics_; }

 private:
  Scenario scenario_;
  Deployment deployment_;
  ServingMetrics metrics_;
};

// Keys and values, as a table or as members of one JSON object.
class Report {
 public:
  explicit Report(bool json) : json_(json) {}
  void number(const std::string& key, double value, const char* format = "{:.0f}") {
    add(key, fmt::format(fmt::runtime(format), value));
  }
  void text(const std::string& key, const std::string& value) {
    add(key, json_ ? "\"" + value + "\"" : value);
  }
  void print() const { fmt::print("{}", json_ ? "{" + lines_ + "}\n" : lines_); }

 private:
  void add(const std::string& key, const std::string& value) {
    lines_ += json_ ? fmt::format("{}\"{}\": {}", lines_.empty() ? "" : ", ", key, value)
                    : fmt::format("{:<52} {:>14}\n", key, value);
  }
  bool json_;
  std::string lines_;
};

// Peak memory of a process that does nothing but one run of so many requests, in MB of 1e6 bytes.
double peak_mb_of(std::int64_t requests) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      Bench bench(load_scenario(scenario_file("poisson_70"), {.requests = requests}));
      bench.time(1);
      _exit(bench.metrics().completed == requests ? 0 : 1);
    } catch (...) {
      _exit(1);
    }
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) ||
      WEXITSTATUS(status) != 0) {
    throw std::runtime_error(fmt::format("the run of {} requests failed", requests));
  }
  return static_cast<double>(usage.ru_maxrss) * 1024.0 / 1e6;
}

// Hold operations per second at kPending events: our queue's rate over a bare heap's, the median of
// pairs measured one after the other.
double queue_ratio() {
  constexpr std::size_t kOperations = 300'000;
  const std::vector<std::int64_t> gap = moeplan::tests::hold_gaps();
  EventQueue<moeplan::tests::HeapEvent> queue;
  moeplan::tests::BareHeap heap;
  std::uint64_t sequence = 0;
  for (std::uint32_t i = 0; i < kPending; ++i) {
    queue.push(SimTime(gap[i % gap.size()]), {0, i, 0});
    heap.push({gap[i % gap.size()], sequence++, {0, i, 0}});
  }
  std::size_t g = 0;
  const auto hold_queue = [&] {
    for (std::size_t i = 0; i < kOperations; ++i) {
      auto [time, event] = queue.pop();
      ++event.version;
      queue.push(time + SimDuration(gap[g++ % gap.size()]), event);
    }
  };
  const auto hold_heap = [&] {
    for (std::size_t i = 0; i < kOperations; ++i) {
      moeplan::tests::HeapNode node = heap.pop();
      ++node.event.version;
      node.time += gap[g++ % gap.size()];
      node.sequence = sequence++;
      heap.push(node);
    }
  };
  std::vector<double> ratios;
  for (int pair = 0; pair < 15; ++pair) {
    const double ours = time_of(1, hold_queue).median;
    ratios.push_back(time_of(1, hold_heap).median / ours);
  }
  std::sort(ratios.begin(), ratios.end());
  return ratios[ratios.size() / 2];
}

struct Screened {
  std::size_t candidates = 0;
  std::size_t discarded = 0;
  double per_second = 0.0;
  double per_cpu_second = 0.0;
};

// Every candidate placed, priced and held against the bounds.
Screened screening() {
  const Scenario scenario = load_scenario(scenario_file("screening"));
  const std::vector<Candidate> all = candidates(scenario);
  Screened result{.candidates = all.size()};
  const Timing timing = time_of(15, [&] {
    result.discarded = 0;
    const Screen screen(scenario);
    for (const Candidate& candidate : all) {
      const auto placed = deploy(scenario, candidate);
      const auto* deployment = std::get_if<Deployment>(&placed);
      if (deployment == nullptr) {
        ++result.discarded;
        continue;
      }
      ModelStepCost cost(*deployment);
      result.discarded += screen.hopeless(*deployment, cost) ? 1 : 0;
    }
  });
  result.per_second = static_cast<double>(all.size()) / timing.median;
  result.per_cpu_second = static_cast<double>(all.size()) / timing.cpu_median;
  return result;
}

void add_rates(const std::string& suffix, const Scenario& scenario, std::size_t runs,
               Report& report, std::string& how) {
  Bench bench(scenario);
  bench.check();
  const Timing timing = bench.time(runs);
  const ServingMetrics& m = bench.metrics();
  report.number("simulated_requests_per_second" + suffix,
                static_cast<double>(m.completed) / timing.median);
  how += fmt::format(
      "{}{} requests, {} steps, {} preemptions: median of {} runs {:.2f} ms ({:.2f} "
      "to {:.2f}, CPU {:.2f}); ",
      suffix.empty() ? "" : suffix.substr(1) + ": ", m.completed, m.steps, m.preemptions,
      timing.runs, timing.median * 1e3, timing.best * 1e3, timing.worst * 1e3,
      timing.cpu_median * 1e3);
  if (suffix.starts_with("_saturated")) {
    report.number("saturated_steps" + suffix.substr(10), static_cast<double>(m.steps));
    return;
  }
  if (suffix == "" || suffix == "_jitter") {
    report.number("simulated_steps_per_second" + suffix,
                  static_cast<double>(m.steps) / timing.median);
    report.number("simulated_mean_batch" + suffix, m.mean_batch, "{:.1f}");
    report.number("simulated_steps" + suffix, static_cast<double>(m.steps));
  }
}

void add_azure(double jitter, Report& report, std::string& how) {
  Scenario scenario = load_scenario(scenario_file("azure_trace"));
  scenario.engine.jitter = jitter;
  Bench bench(scenario);
  bench.check();
  const Timing timing = bench.time(11);
  const std::string suffix = jitter > 0.0 ? "_jitter" : "";
  report.number("azure_trace_seconds" + suffix, timing.median, "{:.4f}");
  report.number("azure_trace_steps" + suffix, static_cast<double>(bench.metrics().steps));
  how += fmt::format("azure{}: {} requests, median of {} runs {:.1f} ms (CPU {:.1f}); ", suffix,
                     bench.metrics().completed, timing.runs, timing.median * 1e3,
                     timing.cpu_median * 1e3);
}

std::filesystem::path azure_file() {
  return std::filesystem::path(MOEPLAN_ROOT) / ".." / "shared" / "data" / "open" / "workload" /
         "AzureLLMInferenceTrace_conv.csv";
}

void print_figures(bool json) {
  const auto begin = Clock::now();
  Report report(json);
  std::string how = "one core, wall time of simulate and summarize with all percentiles; ";
  const double peak_mb = peak_mb_of(kMemoryRequests);  // first: the child is a copy of this process
  Scenario poisson = load_scenario(scenario_file("poisson_70"));
  Scenario at_once = load_scenario(scenario_file("all_at_once"));
  add_rates("", poisson, 101, report, how);
  add_rates("_saturated", at_once, 101, report, how);
  poisson.engine.jitter = at_once.engine.jitter = kJitter;
  add_rates("_jitter", poisson, 101, report, how);
  add_rates("_saturated_jitter", at_once, 101, report, how);
  at_once.engine.jitter = 0.0;
  at_once.engine.memory_utilization = 0.9;  // too little memory for 256 sequences
  add_rates("_preempting", at_once, 101, report, how);
  if (std::filesystem::exists(azure_file())) {
    add_azure(0.0, report, how);
    add_azure(kJitter, report, how);
  } else {
    report.text("azure_trace_skipped", "../shared/data/open/workload is not here");
  }
  report.number("event_queue_ratio_to_heap", queue_ratio(), "{:.3f}");
  const Screened screened = screening();
  report.number("candidates_screened_per_second", screened.per_second);
  how += fmt::format("screening: {} of {} candidates discarded, {:.0f} per CPU second; ",
                     screened.discarded, screened.candidates, screened.per_cpu_second);
  report.number("peak_mb_10m_requests", peak_mb, "{:.1f}");
  how += fmt::format(
      "jitter {}; {} requests of each scenario equal to the plain engine's, to the "
      "picosecond; {:.0f} s in all",
      kJitter, kChecked, seconds_since(begin));
  report.text("simulator_how", how);
  report.print();
}

}  // namespace

int main(int argc, char** argv) {
  return moeplan::speed::bench_main(argc, argv, "simulator_bench", print_figures);
}
