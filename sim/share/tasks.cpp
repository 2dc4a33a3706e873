#include "sim/share/tasks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// Keys whose values belong to the engines, which the tasks share.
const std::vector<std::string>& common_keys() {
  static const std::vector<std::string> kKeys = {"model.", "pruning.router", "hardware.", "engine.",
                                                 "prices."};
  return kKeys;
}

// Path -> value in base units, of the common keys.
std::map<std::string, std::string> common_values(const Scenario& scenario) {
  std::map<std::string, std::string> values;
  const std::string all = scenario.values.canonical();
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = all.find('\n', begin);
    const std::string line = all.substr(begin, end - begin);
    const std::string path = line.substr(0, line.find(": "));
    const bool common =
        std::any_of(common_keys().begin(), common_keys().end(),
                    [&](const std::string& prefix) { return path.starts_with(prefix); });
    if (common) {
      values[path] = line.substr(path.size() + 2);
    }
    begin = end + 1;
  }
  return values;
}

std::string as_written(const Scenario& scenario, const std::string& path) {
  const std::vector<std::string> texts = scenario.values.texts(path);
  return texts.empty() ? "nothing" : joined(texts);
}

void add_differences(const Scenario& first, const Scenario& other, std::vector<Problem>& out) {
  const auto a = common_values(first);
  const auto b = common_values(other);
  std::set<std::string> paths;
  for (const auto& values : {a, b}) {
    for (const auto& [path, value] : values) {
      paths.insert(path);
    }
  }
  for (const std::string& path : paths) {
    const auto in_a = a.find(path);
    const auto in_b = b.find(path);
    if (in_a == a.end() || in_b == b.end() || in_a->second != in_b->second) {
      out.push_back({.code = "E_VALUE",
                     .file = other.file,
                     .mark = other.values.mark(path),
                     .pointer = pointer_of(path),
                     .what = fmt::format("tasks that share a fleet have one {}", path),
                     .got = as_written(other, path),
                     .expected = fmt::format("{}, as in {}", as_written(first, path), first.file),
                     .fix = ""});
    }
  }
}

// What a task of a shared fleet cannot say.
void add_unshared(const Scenario& s, std::vector<Problem>& out) {
  const auto refuse = [&](const std::string& path, const std::string& what,
                          const std::string& expected) {
    out.push_back({.code = "E_VALUE",
                   .file = s.file,
                   .mark = s.values.mark(path),
                   .pointer = pointer_of(path),
                   .what = what,
                   .got = as_written(s, path),
                   .expected = expected,
                   .fix = ""});
  };
  if (s.workload.kind != ArrivalKind::poisson && s.workload.kind != ArrivalKind::gamma) {
    refuse("workload.arrivals", "a task that shares a fleet is sized hour by hour from its rate",
           "poisson or gamma");
  }
  if (s.workload.ramp) {
    refuse("workload.ramp_up.shape", "a ramp is no rate over the day",
           "workload.day_profile, or a steady rate");
  }
  if (s.objectives.search != SearchGoal::cheapest) {
    refuse("objectives.search", "strategies of a shared fleet are compared by their cost",
           "cheapest");
  }
  if (s.objectives.budget) {
    refuse("objectives.budget", "a fleet is shared, a budget of one of its tasks is not",
           "no objectives.budget");
  }
  if (s.planned) {
    refuse("pruning.plan", "a plan's experts per layer are those of one task",
           "pruning.experts_kept");
  }
  if (s.replica_router) {
    refuse("parallelism.replica_router", "engines are sized under their share of the traffic",
           "split");
  }
  if (s.disaggregation) {
    refuse("parallelism.disaggregation.prefill_engines",
           "pools of prefill and decode engines are not shared between tasks",
           "no parallelism.disaggregation");
  }
}

}  // namespace

PerSecond ShareTask::peak() const { return *std::max_element(rates.begin(), rates.end()); }

PerSecond ShareTask::mean() const {
  return std::accumulate(rates.begin(), rates.end(), PerSecond(0.0)) /
         static_cast<double>(rates.size());
}

const Design* ShareTask::best() const {
  return plan.recommended ? &plan.designs[*plan.recommended] : nullptr;
}

bool is_usable(const Design& design) {
  return design.accuracy_allowed && design.verdict != Verdict::missed && design.capacity.load > 0.0;
}

std::vector<PerSecond> hourly_rates(const Workload& workload) {
  if (!workload.day) {
    return std::vector<PerSecond>(kHoursOfDay, workload.rate);
  }
  const std::vector<double>& weights = workload.day->weights;
  const double mean =
      std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(weights.size());
  std::vector<PerSecond> rates;
  for (const double weight : weights) {
    rates.push_back(workload.rate * (weight / mean));
  }
  return rates;
}

Scenario at_busiest_hour(const Scenario& scenario) {
  Scenario steady = scenario;
  const std::vector<PerSecond> rates = hourly_rates(scenario.workload);
  steady.workload.rate = *std::max_element(rates.begin(), rates.end());
  if (steady.workload.day) {
    steady.workload.day.reset();
    // Of the compressed day, which is not simulated here.
    std::erase_if(steady.workload.notes,
                  [](const std::string& note) { return note.starts_with("The day profile"); });
  }
  return steady;
}

void refuse_unshared(const std::vector<Scenario>& scenarios) {
  require(scenarios.size() >= kFewestTasks && scenarios.size() <= kMostTasks,
          "2 to 16 tasks share a fleet");
  std::vector<Problem> problems;
  for (const Scenario& scenario : scenarios) {
    add_unshared(scenario, problems);
    if (&scenario != &scenarios.front()) {
      add_differences(scenarios.front(), scenario, problems);
    }
  }
  if (!problems.empty()) {
    throw InputError(problems);
  }
}

std::vector<ShareTask> plan_tasks(const std::vector<Scenario>& scenarios,
                                  const PlanOptions& options) {
  refuse_unshared(scenarios);
  PlanOptions without_bands = options;
  without_bands.bands = false;
  std::vector<ShareTask> tasks;
  for (const Scenario& scenario : scenarios) {
    ShareTask task{.scenario = at_busiest_hour(scenario),
                   .rates = hourly_rates(scenario.workload),
                   .plan = {}};
    const auto same_name =
        std::count_if(scenarios.begin(), scenarios.end(),
                      [&](const Scenario& other) { return other.name == scenario.name; });
    if (same_name > 1) {
      task.scenario.name += " (" + scenario.file + ")";
    }
    task.plan = make_plan(task.scenario, without_bands);
    tasks.push_back(std::move(task));
  }
  return tasks;
}

}  // namespace moeplan::sim
