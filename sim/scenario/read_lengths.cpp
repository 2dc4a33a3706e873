// Prompt and output lengths of the workload section: distributions, or recorded lengths.

#include <fmt/format.h>

#include "sim/scenario/checker.hpp"

namespace moeplan::sim {
namespace {

LengthDistribution read_distribution(Checker& check, const ScenarioValues& values,
                                     const std::string& section) {
  const std::string path = "workload." + section + ".";
  const std::string distribution = values.text(path + "distribution");
  std::vector<std::string> read{"tokens"};
  if (distribution == "log_normal") {
    read = {"median", "sigma", "min", "max"};
  } else if (distribution == "uniform") {
    read = {"min", "max"};
  }
  check.refuse_keys_of_others(path, {"tokens", "median", "sigma", "min", "max"}, read,
                              distribution + " lengths");
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

// Keys of lengths that something else already gives.
void refuse_section(Checker& check, const ScenarioValues& values, const std::string& section,
                    const std::vector<std::string>& keys, const std::string& giver) {
  for (const std::string& key : keys) {
    const std::string path = "workload." + section + "." + key;
    if (values.given(path)) {
      check.problem(path, "E_VALUE", fmt::format("the lengths come from {}", giver),
                    fmt::format("either {} or {}", giver, "workload." + section));
    }
  }
}

// What the requests of a trace have, in their order.
void set_recorded(const RequestTrace& trace, Workload& workload) {
  std::vector<std::int32_t> prompts;
  std::vector<std::int32_t> outputs;
  prompts.reserve(trace.requests.size());
  outputs.reserve(trace.requests.size());
  for (const RequestSpec& request : trace.requests) {
    prompts.push_back(request.prompt_tokens);
    outputs.push_back(request.output_tokens);
  }
  workload.input = EmpiricalLength(std::move(prompts));
  workload.output = EmpiricalLength(std::move(outputs));
}

}  // namespace

void read_lengths(Checker& check, const ScenarioValues& values,
                  const std::filesystem::path& scenario, Workload& workload) {
  const std::vector<std::string> kDrawn = {"distribution", "tokens", "median",
                                           "sigma",        "min",    "max"};
  const bool replayed = workload.kind == ArrivalKind::trace;
  const bool recorded = values.has("workload.lengths.file");
  if (replayed || recorded) {
    const std::string giver = replayed ? "workload.trace" : "workload.lengths";
    refuse_section(check, values, "input_tokens", kDrawn, giver);
    refuse_section(check, values, "output_tokens", kDrawn, giver);
  }
  if (replayed) {
    refuse_section(check, values, "lengths", {"file", "format", "joint"}, "workload.trace");
    workload.joint_lengths = true;  // where single requests are drawn from the trace
    if (workload.trace) {
      set_recorded(*workload.trace, workload);
    }
    return;
  }
  if (recorded) {
    workload.joint_lengths = values.number("workload.lengths.joint") != 0.0;
    const TraceOptions options{.sort = true};  // the order does not matter here
    if (const auto trace = load_trace(check, values, scenario, "workload.lengths", options)) {
      set_recorded(*trace, workload);
      workload.notes.insert(workload.notes.end(), trace->warnings.begin(), trace->warnings.end());
    }
    return;
  }
  for (const char* key : {"format", "joint"}) {
    const std::string path = std::string("workload.lengths.") + key;
    if (values.given(path)) {
      check.problem(path, "E_VALUE", "there is no file of lengths", "workload.lengths.file: FILE");
    }
  }
  workload.input = read_distribution(check, values, "input_tokens");
  workload.output = read_distribution(check, values, "output_tokens");
}

}  // namespace moeplan::sim
