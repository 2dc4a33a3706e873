// The workload section: arrivals, request lengths, run length, routing.

#include <fmt/format.h>

#include <algorithm>

#include "sim/scenario/checker.hpp"

namespace moeplan::sim {
namespace {

// A key that another distribution reads would be ignored in silence.
void refuse_keys_of_others(Checker& check, const ScenarioValues& values, const std::string& path,
                           const std::string& distribution) {
  std::vector<std::string> read{"tokens"};
  if (distribution == "log_normal") {
    read = {"median", "sigma", "min", "max"};
  } else if (distribution == "uniform") {
    read = {"min", "max"};
  }
  for (const char* key : {"tokens", "median", "sigma", "min", "max"}) {
    if (values.given(path + key) && std::find(read.begin(), read.end(), key) == read.end()) {
      check.problem(path + key, "E_VALUE",
                    fmt::format("{} has no meaning for {} lengths", key, distribution),
                    joined(read));
    }
  }
}

LengthDistribution read_lengths(Checker& check, const ScenarioValues& values,
                                const std::string& section) {
  const std::string path = "workload." + section + ".";
  const std::string distribution = values.text(path + "distribution");
  refuse_keys_of_others(check, values, path, distribution);
  if (distribution == "fixed") {
    if (!values.has(path + "tokens")) {
      check.problem(path + "tokens", "E_MISSING", "a fixed length needs its number of tokens",
                    path + "tokens: COUNT");
      return FixedLength{1};
    }
    return FixedLength{static_cast<std::int32_t>(values.count(path + "tokens"))};
  }
  const auto low = static_cast<std::int32_t>(values.count(path + "min"));
  const auto high = static_cast<std::int32_t>(values.count(path + "max"));
  if (distribution == "uniform") {
    for (const char* key : {"min", "max"}) {
      if (!values.given(path + key)) {
        check.problem(path + key, "E_MISSING", "a uniform length needs min and max",
                      path + key + ": COUNT");
        return FixedLength{1};
      }
    }
    if (const auto wrong = UniformLength::problem(low, high)) {
      check.problem(path + "max", "E_RANGE", *wrong, "max of at least min");
      return FixedLength{1};
    }
    return UniformLength(low, high);
  }
  for (const char* key : {"median", "sigma"}) {
    if (!values.has(path + key)) {
      check.problem(path + key, "E_MISSING", "a log_normal length needs median and sigma",
                    path + key + ": NUMBER");
      return FixedLength{1};
    }
  }
  const double median = values.number(path + "median");
  const double sigma = values.number(path + "sigma");
  if (const auto wrong = LogNormalLength::problem(median, sigma, low, high)) {
    check.problem(path + "median", "E_VALUE", *wrong, "a distribution with weight in [min, max]");
    return FixedLength{1};
  }
  return LogNormalLength::from_median(median, sigma, low, high);
}

}  // namespace

Workload read_workload(Checker& check, const ScenarioValues& values) {
  Workload w;
  w.closed_loop = values.text("workload.arrivals") == "closed_loop";
  const std::string needed = w.closed_loop ? "workload.concurrency" : "workload.rate";
  const std::string other = w.closed_loop ? "workload.rate" : "workload.concurrency";
  if (!values.has(needed)) {
    check.problem(needed, "E_MISSING",
                  fmt::format("{} arrivals need {}", values.text("workload.arrivals"), needed),
                  w.closed_loop ? "a count of users" : "a rate such as \"40 requests/s\"");
  }
  if (values.has(other)) {
    check.problem(
        other, "E_VALUE",
        fmt::format("{} has no meaning for {} arrivals", other, values.text("workload.arrivals")),
        needed);
  }
  w.rate = PerSecond(values.number("workload.rate"));
  w.concurrency = values.count("workload.concurrency");
  if (!w.closed_loop && values.given("workload.think_time")) {
    check.problem("workload.think_time", "E_VALUE",
                  "think_time has no meaning for poisson arrivals",
                  "workload.arrivals: closed_loop");
  }
  w.think_time = Seconds(values.number("workload.think_time"));
  w.input = read_lengths(check, values, "input_tokens");
  w.output = read_lengths(check, values, "output_tokens");
  w.requests = values.count("workload.requests");
  w.warmup = values.count("workload.warmup_requests");
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
  w.power_law = values.text("workload.routing.distribution") == "power_law";
  w.alpha = w.power_law ? values.number("workload.routing.alpha") : 0.0;
  w.source = values.text("workload.source");
  return w;
}

}  // namespace moeplan::sim
