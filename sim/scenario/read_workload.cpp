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

void read_shared_prefix(Checker& check, const ScenarioValues& values, Workload& w) {
  if (!values.has("workload.shared_prefix.tokens")) {
    if (values.given("workload.shared_prefix.groups")) {
      check.problem("workload.shared_prefix.groups", "E_MISSING",
                    "groups of prompts that share no tokens", "workload.shared_prefix.tokens");
    }
    return;
  }
  if (w.trace && !w.trace->block_end.empty()) {
    check.problem("workload.shared_prefix.tokens", "E_VALUE",
                  "the trace has block hashes, which say what its prompts share",
                  "either a trace with hashes or workload.shared_prefix");
  }
  w.shared_prefix = SharedPrefix{
      .tokens = static_cast<std::int32_t>(values.count("workload.shared_prefix.tokens")),
      .groups = static_cast<std::int32_t>(values.count("workload.shared_prefix.groups"))};
}

}  // namespace

Workload read_workload(Checker& check, const ScenarioValues& values,
                       const std::filesystem::path& scenario) {
  Workload w;
  read_arrivals(check, values, scenario, w);
  read_lengths(check, values, scenario, w);
  read_run_length(check, values, w);
  read_shared_prefix(check, values, w);
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
