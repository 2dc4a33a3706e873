#include "sim/share/mixed_traffic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <set>

#include "models/units/parse.hpp"
#include "models/units/require.hpp"
#include "sim/evaluate.hpp"
#include "sim/serving/pipeline_step_cost.hpp"
#include "sim/workload/request_trace.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kWantedOfTask = 1000;
constexpr std::int64_t kFewestOfTask = 50;
constexpr std::int64_t kMostTimesLonger = 4;
constexpr std::int64_t kRefineFactor = 4;

struct Arrival {
  RequestSpec request;
  std::size_t part = 0;
};

PerSecond total_rate(const std::vector<MixPart>& parts) {
  PerSecond total;
  for (const MixPart& part : parts) {
    total += part.rate;
  }
  return total;
}

std::int64_t run_length(const std::vector<MixPart>& parts) {
  const PerSecond total = total_rate(parts);
  std::int64_t length = 0;
  double smallest_share = 1.0;
  for (const MixPart& part : parts) {
    length = std::max(length, part.scenario->workload.requests);
    if (part.rate > PerSecond(0.0)) {
      smallest_share = std::min(smallest_share, part.rate / total);
    }
  }
  const double wanted = static_cast<double>(std::min(kWantedOfTask, length)) / smallest_share;
  const double most = static_cast<double>(kMostTimesLonger * length);
  return std::max(length, static_cast<std::int64_t>(std::min(wanted, most)));
}

// The first so many requests of all parts together, in order of arrival; fewer where the gaps of a
// part are very uneven.
std::vector<Arrival> merged(const std::vector<MixPart>& parts, std::int64_t count) {
  const PerSecond total = total_rate(parts);
  std::vector<Arrival> all;
  SimTime end{std::numeric_limits<std::int64_t>::max()};
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const MixPart& part = parts[p];
    if (!(part.rate > PerSecond(0.0))) {
      continue;
    }
    const double share = part.rate / total;
    const auto own = static_cast<std::int64_t>(1.25 * share * static_cast<double>(count)) + 100;
    RequestMix mix =
        mix_of(part.scenario->workload, {.value = in_per_second(part.rate), .requests = own});
    mix.max_in_flight = 0;
    mix.shared_prefix = std::nullopt;
    // Tasks with one seed must not arrive together.
    RandomStream seeds(part.scenario->seed, "mixed traffic", {static_cast<std::int64_t>(p)});
    const RequestArrays drawn = RequestSource(mix, seeds.next()).take_all();
    for (std::size_t i = 0; i < drawn.arrivals.size(); ++i) {
      all.push_back({{drawn.arrivals[i], drawn.prompt_tokens[i], drawn.output_tokens[i]}, p});
    }
    end = std::min(end, drawn.arrivals.back());
  }
  std::erase_if(all, [&](const Arrival& a) { return a.request.arrival > end; });
  std::stable_sort(all.begin(), all.end(), [](const Arrival& a, const Arrival& b) {
    return a.request.arrival < b.request.arrival;
  });
  all.resize(std::min(all.size(), static_cast<std::size_t>(count)));
  const SimDuration first = all.front().request.arrival.since_start();
  for (Arrival& arrival : all) {
    arrival.request.arrival = SimTime{} + (arrival.request.arrival.since_start() - first);
  }
  return all;
}

// What tells apart the routings of two tasks.
std::string routing_of(const Scenario& s) {
  const ExpertRouting& r = s.workload.routing;
  const bool drawn = r.distribution == RoutingDistribution::dirichlet;
  return fmt::format("{} {} {} {} {} {}", name_of(r.distribution), r.alpha, r.concentration,
                     r.sha256, r.task, drawn ? s.seed : 0);
}

// A deployment of the candidate under every routing that occurs.
std::vector<Deployment> deployments(const std::vector<MixPart>& parts, const Candidate& candidate) {
  std::vector<Deployment> result;
  std::set<std::string> seen;
  for (const MixPart& part : parts) {
    if (part.rate > PerSecond(0.0) && seen.insert(routing_of(*part.scenario)).second) {
      auto placed = deploy(*part.scenario, candidate);
      require(std::holds_alternative<Deployment>(placed), "a design that is mixed can be deployed");
      result.push_back(std::move(std::get<Deployment>(placed)));
    }
  }
  return result;
}

// More waiting than this misses every objective on first tokens by far.
std::int64_t hopeless_queue(const std::vector<MixPart>& parts, std::size_t requests) {
  double bound = 0.0;
  for (const MixPart& part : parts) {
    const LatencyObjectives& o = part.scenario->objectives.latency;
    bound = std::max({bound, o.ttft_p50_s, o.ttft_p99_s});
  }
  return 64 + static_cast<std::int64_t>(0.02 * static_cast<double>(requests) +
                                        10.0 * in_per_second(total_rate(parts)) * bound);
}

void keep_tightest(const std::string& task, const ServingMetrics& metrics,
                   const LatencyObjectives& objectives, MixResult& result) {
  const auto consider = [&](const char* name, double value, double bound) {
    if (bound > 0.0 && value / bound > result.tightest_ratio) {
      result.tightest_ratio = value / bound;
      result.tightest = fmt::format("{}: {} {} of {}", task, name, to_text(Seconds(value)),
                                    to_text(Seconds(bound)));
    }
  };
  consider("TTFT p50", metrics.ttft.p50, objectives.ttft_p50_s);
  consider("TTFT p99", metrics.ttft.p99, objectives.ttft_p99_s);
  consider("TPOT p50", metrics.tpot.p50, objectives.tpot_p50_s);
  consider("TPOT p99", metrics.tpot.p99, objectives.tpot_p99_s);
}

void worsen(Verdict verdict, MixResult& result) {
  if (verdict == Verdict::missed || result.verdict == Verdict::met) {
    result.verdict = verdict;
  }
}

// Judges every task by its own requests of a run.
void judge_tasks(const std::vector<MixPart>& parts, const std::vector<Arrival>& arrivals,
                 const ServingTrace& trace, MixResult& result) {
  for (std::size_t p = 0; p < parts.size(); ++p) {
    ServingTrace own;
    own.end = trace.end;
    for (std::size_t i = 0; i < trace.requests.size(); ++i) {
      if (arrivals[i].part == p) {
        own.requests.push_back(trace.requests[i]);
      }
    }
    const auto count = static_cast<std::int64_t>(own.requests.size());
    const auto rejected =
        std::count_if(own.requests.begin(), own.requests.end(), [](const RequestRecord& r) {
          return r.status != RequestStatus::completed && r.status != RequestStatus::unfinished;
        });
    const std::int64_t warmup = count / 10;
    if (count - rejected - warmup < kFewestOfTask) {
      continue;
    }
    const LatencyObjectives& objectives = parts[p].scenario->objectives.latency;
    ServingMetrics metrics =
        summarize(own, {.warmup = warmup, .objectives = objectives, .every_distribution = false});
    metrics.overloaded = false;  // judged of all together
    keep_tightest(parts[p].scenario->name, metrics, objectives, result);
    worsen(verdict(metrics, objectives), result);
  }
}

// requests: times_longer x run_length().
MixResult one_run(const std::vector<MixPart>& parts, const Candidate& candidate,
                  std::int64_t times_longer, const LawErrors& errors) {
  const std::vector<Arrival> arrivals = merged(parts, times_longer * run_length(parts));
  auto recorded = std::make_shared<RequestTrace>();
  for (const Arrival& arrival : arrivals) {
    recorded->requests.push_back(arrival.request);
  }
  MixResult result;
  for (const Deployment& deployment : deployments(parts, candidate)) {
    Load load = full_load(*deployment.scenario, in_per_second(total_rate(parts)));
    load.requests = static_cast<std::int64_t>(arrivals.size());
    SimulationSetup setup = setup_of(deployment, load);
    setup.mix = {.arrivals = TraceArrivals{recorded},
                 .prompt = FixedLength{1},
                 .output = FixedLength{1},
                 .request_count = load.requests};
    setup.abort_above_waiting = hopeless_queue(parts, arrivals.size());
    const ServingTrace trace = simulate(setup, *make_step_cost(deployment, errors));
    const ServingMetrics all =
        summarize(trace, {.warmup = load.requests / 10, .every_distribution = false});
    if (all.overloaded) {
      result.verdict = Verdict::missed;
      result.tightest_ratio = std::numeric_limits<double>::infinity();
      result.tightest = "overload: the queue grows";
      return result;
    }
    judge_tasks(parts, arrivals, trace, result);
  }
  return result;
}

}  // namespace

MixResult simulate_mix(const std::vector<MixPart>& parts, const Candidate& candidate,
                       const LawErrors& errors) {
  require(total_rate(parts) > PerSecond(0.0), "a mix has traffic");
  MixResult result = one_run(parts, candidate, 1, errors);
  if (result.verdict == Verdict::undecided) {
    result = one_run(parts, candidate, kRefineFactor, errors);
    if (result.tightest_ratio > 1.0) {
      result.verdict = Verdict::missed;  // a fleet is not sized by the error of an estimate
    }
  }
  return result;
}

}  // namespace moeplan::sim
