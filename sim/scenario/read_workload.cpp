// The workload section: arrivals (read_arrivals.cpp), request lengths (read_lengths.cpp), run
// length, routing.

#include <fmt/format.h>

#include <filesystem>

#include "sim/scenario/checker.hpp"

namespace moeplan::sim {
namespace {

void read_run_length(Checker& check, const ScenarioValues& values, Workload& w) {
  w.requests = values.count("workload.requests");
  w.warmup = values.count("workload.warmup_requests");
  if (w.trace) {
    const auto recorded = static_cast<std::int64_t>(w.trace->requests.size());
    if (values.given("workload.requests") && w.requests > recorded) {
      check.problem("workload.requests", "E_RANGE",
                    fmt::format("the trace has {} requests", recorded),
                    "at most so many, or no workload.requests: all of them");
    }
    w.requests = values.given("workload.requests") ? std::min(w.requests, recorded) : recorded;
  }
  if (w.kind == ArrivalKind::all_at_once) {
    w.concurrency = w.requests;
    if (values.given("workload.warmup_requests") && w.warmup > 0) {
      check.problem("workload.warmup_requests", "E_VALUE",
                    "a batch that arrives all at once has no warm-up", "0");
    }
    w.warmup = 0;
  }
  if (w.warmup >= w.requests) {
    const std::string at =
        values.given("workload.requests") ? "workload.requests" : "workload.warmup_requests";
    if (values.given("workload.warmup_requests")) {
      check.problem(at, "E_RANGE", "0 requests after warm-up",
                    "more workload.requests than workload.warmup_requests");
    } else {
      w.warmup = w.requests / 10;  // the default shrinks with a short run, as documented
    }
  }
}

}  // namespace

Workload read_workload(Checker& check, const ScenarioValues& values,
                       const std::filesystem::path& scenario) {
  Workload w;
  read_arrivals(check, values, scenario, w);
  read_lengths(check, values, scenario, w);
  read_run_length(check, values, w);
  w.routing = read_expert_routing(check, values, scenario);
  w.source = values.text("workload.source");
  if (w.source.empty() && w.trace) {
    w.source = fmt::format("{} ({}, {} requests)",
                           std::filesystem::path(w.trace->file).filename().string(),
                           name_of(w.trace->format), w.trace->requests.size());
  }
  return w;
}

}  // namespace moeplan::sim
