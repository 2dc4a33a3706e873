// How requests arrive, from the workload section.

#include <fmt/format.h>

#include <algorithm>

#include "sim/scenario/checker.hpp"
#include "sim/workload/read_trace.hpp"

namespace moeplan::sim {
namespace {

using enum ArrivalKind;

// Which arrivals read a key; given with any other, it would be ignored in silence.
struct Reads {
  const char* path;
  std::vector<ArrivalKind> kinds;
};

const std::vector<Reads>& readers() {
  static const std::vector<Reads> kReaders = {
      {"workload.rate", {poisson, gamma}},
      {"workload.burstiness", {gamma}},
      {"workload.bursts.factor", {poisson, gamma}},
      {"workload.bursts.on", {poisson, gamma}},
      {"workload.bursts.off", {poisson, gamma}},
      {"workload.day_profile", {poisson, gamma}},
      {"workload.day_length", {poisson, gamma}},
      {"workload.ramp_up.shape", {poisson, gamma}},
      {"workload.ramp_up.start", {poisson, gamma}},
      {"workload.max_concurrency", {poisson, gamma, trace}},
      {"workload.concurrency", {closed_loop}},
      {"workload.think_time", {closed_loop}},
      {"workload.trace.file", {trace}},
      {"workload.trace.format", {trace}},
      {"workload.trace.sort", {trace}},
      {"workload.trace.rate_scale", {trace}},
      {"workload.trace.max_requests", {trace}},
      {"workload.trace.drop_failed", {trace}},
  };
  return kReaders;
}

ArrivalKind kind_from(const std::string& name) {
  const std::vector<std::string> names = {"poisson", "gamma", "closed_loop", "all_at_once",
                                          "trace"};
  return static_cast<ArrivalKind>(std::find(names.begin(), names.end(), name) - names.begin());
}

void refuse_keys_of_others(Checker& check, const ScenarioValues& values, ArrivalKind kind) {
  const std::string arrivals = values.text("workload.arrivals");
  for (const Reads& reads : readers()) {
    if (values.given(reads.path) &&
        std::find(reads.kinds.begin(), reads.kinds.end(), kind) == reads.kinds.end()) {
      const std::string key = std::string(reads.path).substr(std::string("workload.").size());
      std::string others;
      for (const char* name : {"poisson", "gamma", "closed_loop", "all_at_once", "trace"}) {
        const ArrivalKind other = kind_from(name);
        if (std::find(reads.kinds.begin(), reads.kinds.end(), other) != reads.kinds.end()) {
          others += (others.empty() ? "" : " or ") + std::string(name);
        }
      }
      check.problem(reads.path, "E_VALUE",
                    fmt::format("{} has no meaning for {} arrivals", key, arrivals),
                    "workload.arrivals: " + others);
    }
  }
}

// All keys of a group, or none.
bool has_group(Checker& check, const ScenarioValues& values, const std::vector<std::string>& keys) {
  const auto given = [&](const std::string& key) { return values.has("workload." + key); };
  if (std::none_of(keys.begin(), keys.end(), given)) {
    return false;
  }
  bool complete = true;
  for (const std::string& key : keys) {
    if (!given(key)) {
      check.problem("workload." + key, "E_MISSING", fmt::format("{} go together", joined(keys)),
                    "workload." + key);
      complete = false;
    }
  }
  return complete;
}

void need(Checker& check, const ScenarioValues& values, const std::string& path,
          const std::string& expected) {
  if (!values.has(path)) {
    check.problem(path, "E_MISSING",
                  fmt::format("{} arrivals need {}", values.text("workload.arrivals"), path),
                  expected);
  }
}

void read_shape(Checker& check, const ScenarioValues& values, Workload& w) {
  if (has_group(check, values, {"bursts.factor", "bursts.on", "bursts.off"})) {
    w.bursts = Bursts{.factor = values.number("workload.bursts.factor"),
                      .on = Seconds(values.number("workload.bursts.on")),
                      .off = Seconds(values.number("workload.bursts.off"))};
  }
  if (has_group(check, values, {"ramp_up.shape", "ramp_up.start"})) {
    w.ramp = RampUp{.exponential = values.text("workload.ramp_up.shape") == "exponential",
                    .start = values.number("workload.ramp_up.start")};
  }
  if (values.has("workload.day_profile")) {
    const std::vector<double> weights = values.numbers("workload.day_profile");
    const bool any = std::any_of(weights.begin(), weights.end(), [](double x) { return x > 0.0; });
    if (weights.size() != 24 || !any) {
      check.problem("workload.day_profile", "E_VALUE",
                    weights.size() != 24 ? fmt::format("a day has {} rates", weights.size())
                                         : std::string("a day without any request"),
                    "24 relative rates, one an hour, not all of them 0");
      return;
    }
    w.day = DayProfile{.weights = weights};
    if (values.has("workload.day_length")) {
      w.day->length = Seconds(values.number("workload.day_length"));
    } else {
      w.notes.push_back(
          "The day profile is compressed so that a run of any length is one day: queues build up "
          "within hours of so many requests, not of 3600 s.");
    }
  } else if (values.has("workload.day_length")) {
    check.problem("workload.day_length", "E_VALUE", "there is no day_profile",
                  "workload.day_profile: [24 numbers]");
  }
  if (w.ramp && (w.bursts || w.day)) {
    check.problem("workload.ramp_up.shape", "E_VALUE",
                  "a ramp goes together with neither bursts nor a day_profile", "one of them");
  }
}

void read_replay(Checker& check, const ScenarioValues& values,
                 const std::filesystem::path& scenario, Workload& w) {
  TraceOptions options{.sort = values.number("workload.trace.sort") != 0.0,
                       .max_requests = values.count("workload.trace.max_requests")};
  if (values.has("workload.trace.drop_failed")) {
    options.drop_failed = values.number("workload.trace.drop_failed") != 0.0;
  }
  const auto read = load_trace(check, values, scenario, "workload.trace", options);
  if (!read) {
    return;
  }
  if (read->rate().value() <= 0.0) {
    check.problem("workload.trace.file", "E_VALUE",
                  read->has_times ? "all requests of the trace arrive at the same time"
                                  : "these are lengths without arrival times",
                  "a trace whose arrivals span some time",
                  read->has_times ? "workload.arrivals: all_at_once"
                                  : "workload.lengths.file draws from it at a rate of its own");
    return;
  }
  const double scale = values.number("workload.trace.rate_scale");
  w.rate = read->rate() * scale;
  w.notes = read->warnings;
  w.notes.push_back(fmt::format(
      "The trace ({} requests in {:.0f} s, {} rows dropped as failed) is replayed to one engine "
      "with all its times divided by one factor, so that its mean rate is the engine's load: "
      "bursts keep their shape and get shorter or longer with it.",
      read->requests.size(), read->span().value(), read->failed));
  w.trace = read;
}

}  // namespace

std::shared_ptr<const RequestTrace> load_trace(Checker& check, const ScenarioValues& values,
                                               const std::filesystem::path& scenario,
                                               const std::string& section,
                                               const TraceOptions& options) {
  const std::string path = section + ".file";
  if (!values.has(path)) {
    check.problem(path, "E_MISSING", fmt::format("{} needs a file", section), path + ": FILE");
    return nullptr;
  }
  TraceOptions all = options;
  all.format = trace_format_from(values.text(section + ".format"));
  std::filesystem::path file = values.text(path);
  file = file.is_absolute() ? file : scenario.parent_path() / file;
  const std::string key =
      fmt::format("{} {} {} {} {}", file.string(), values.text(section + ".format"), all.sort,
                  all.max_requests, all.drop_failed ? (*all.drop_failed ? "drop" : "keep") : "");
  return check
      .loaded(path,
              [&] {
                return check.inputs().get<RequestTrace>(key, [&] { return read_trace(file, all); });
              })
      .value_or(nullptr);
}

void read_arrivals(Checker& check, const ScenarioValues& values,
                   const std::filesystem::path& scenario, Workload& w) {
  w.kind = kind_from(values.text("workload.arrivals"));
  w.closed_loop = w.kind == closed_loop || w.kind == all_at_once;
  refuse_keys_of_others(check, values, w.kind);
  if (w.kind == closed_loop) {
    need(check, values, "workload.concurrency", "a count of users");
  } else if (w.kind == poisson || w.kind == gamma) {
    need(check, values, "workload.rate", "a rate such as \"40 requests/s\"");
    read_shape(check, values, w);
  } else if (w.kind == trace) {
    read_replay(check, values, scenario, w);
  }
  if (w.kind == gamma) {
    need(check, values, "workload.burstiness", "the shape of the gaps, 1 for Poisson");
    w.burstiness = values.has("workload.burstiness") ? values.number("workload.burstiness") : 1.0;
  }
  if (w.kind != trace) {
    w.rate = PerSecond(values.number("workload.rate"));
  }
  w.concurrency = values.count("workload.concurrency");
  w.think_time = Seconds(values.number("workload.think_time"));
  w.max_in_flight = values.count("workload.max_concurrency");
}

}  // namespace moeplan::sim
