// The shared strategy: one variant for all tasks, and how many engines its mixed traffic needs.

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "sim/share/mixed_traffic.hpp"
#include "sim/share/strategy.hpp"

namespace moeplan::sim {
namespace {

constexpr std::size_t kMostChecked = 6;  // candidates whose mixed traffic is simulated

// A strategy with the engines that a linear mix needs, not yet simulated.
struct Option {
  Candidate candidate;
  Strategy strategy;
};

std::optional<std::size_t> usable_design(const ShareTask& task, const Candidate& candidate) {
  for (std::size_t i = 0; i < task.plan.designs.size(); ++i) {
    if (task.plan.designs[i].candidate == candidate && is_usable(task.plan.designs[i])) {
      return i;
    }
  }
  return std::nullopt;
}

// Sets the fleet of so many engines, spare ones on top.
void size_option(const std::vector<ShareTask>& tasks, std::int64_t engines, Option& option) {
  Strategy& s = option.strategy;
  s.engines = s.gpus = s.instances = 0;
  s.rent = UsdPerSecond(0.0);
  s.price_ids.clear();
  price_fleet(
      tasks.front().scenario,
      {{option.candidate.hardware, {.gpus = option.candidate.gpus, .engines = engines + s.spare}}},
      s);
}

std::optional<Option> option_of(const std::vector<ShareTask>& tasks, const Candidate& candidate,
                                const AdaptationOptions& options) {
  Option option{.candidate = candidate, .strategy = {.name = "shared"}};
  Strategy& s = option.strategy;
  std::vector<double> busy(kHoursOfDay, 0.0);  // engines
  for (const ShareTask& task : tasks) {
    const std::optional<std::size_t> design = usable_design(task, candidate);
    if (!design) {
      return std::nullopt;
    }
    s.tasks.push_back(task_design(task, *design, options));
    for (std::size_t h = 0; h < kHoursOfDay; ++h) {
      busy[h] += task.rates[h] / s.tasks.back().capacity;
    }
  }
  std::int64_t most = 1;
  for (const double engines : busy) {
    s.hourly_engines.push_back(whole_engines(engines));
    most = std::max(most, s.hourly_engines.back());
  }
  s.spare = most_spare(tasks);
  size_option(tasks, most, option);
  s.mix = MixCheck{.linear_engines = s.engines};
  add_accuracies(tasks, s);
  return option;
}

// One hour of each mix that occurs.
std::vector<std::size_t> distinct_hours(const std::vector<ShareTask>& tasks) {
  std::set<std::vector<double>> seen;
  std::vector<std::size_t> hours;
  for (std::size_t h = 0; h < kHoursOfDay; ++h) {
    std::vector<double> rates;
    for (const ShareTask& task : tasks) {
      rates.push_back(in_per_second(task.rates[h]));
    }
    const bool any = std::any_of(rates.begin(), rates.end(), [](double r) { return r > 0.0; });
    if (any && seen.insert(rates).second) {
      hours.push_back(h);
    }
  }
  return hours;
}

// Simulates every hour's mix on one of so many engines; true when no task misses an objective.
bool holds(const std::vector<ShareTask>& tasks, std::int64_t engines, const WorkOptions& work,
           const LawErrors& errors, Option& option) {
  const std::vector<std::size_t> hours = distinct_hours(tasks);
  std::vector<MixResult> results(hours.size());
  for_each_index(hours.size(), work, [&](std::size_t i) {
    std::vector<MixPart> parts;
    for (const ShareTask& task : tasks) {
      parts.push_back({&task.scenario, task.rates[hours[i]] / static_cast<double>(engines)});
    }
    results[i] = simulate_mix(parts, option.candidate, errors);
  });
  MixCheck& check = *option.strategy.mix;
  check.runs = static_cast<std::int64_t>(hours.size());
  check.undecided = false;
  double tightest = 0.0;
  bool good = true;
  for (std::size_t i = 0; i < hours.size(); ++i) {
    good = good && results[i].verdict != Verdict::missed;
    check.undecided = check.undecided || results[i].verdict == Verdict::undecided;
    if (results[i].tightest_ratio > tightest) {
      tightest = results[i].tightest_ratio;
      check.tightest = fmt::format("{} at hour {}", results[i].tightest, hours[i]);
    }
  }
  for (const ShareTask& task : tasks) {
    check.prefixes_ignored = check.prefixes_ignored || (task.scenario.engine.prefix_caching &&
                                                        task.scenario.workload.shared_prefix);
  }
  return good;
}

// Grows the fleet until the mixes hold: by one, two, four ... engines, then by bisection. False
// when four times the linear fleet does not.
bool verify(const std::vector<ShareTask>& tasks, const WorkOptions& work, const LawErrors& errors,
            Option& option) {
  const std::int64_t linear = option.strategy.engines - option.strategy.spare;
  std::int64_t fails = linear - 1;
  std::int64_t works = linear;
  for (std::int64_t step = 1; !holds(tasks, works, work, errors, option); step *= 2) {
    fails = works;
    works += step;
    if (works > 4 * linear + 8) {
      return false;
    }
  }
  while (works - fails > 1) {
    const std::int64_t middle = fails + (works - fails) / 2;
    Option tried = option;
    if (holds(tasks, middle, work, errors, tried)) {
      works = middle;
      option = tried;
    } else {
      fails = middle;
    }
  }
  size_option(tasks, works, option);
  return option.strategy.works();
}

bool cheaper(const Option& a, const Option& b) {
  if (a.strategy.rent != b.strategy.rent) {
    return a.strategy.rent < b.strategy.rent;
  }
  const double change_a = a.strategy.accuracy_change.value_or(0.0);
  const double change_b = b.strategy.accuracy_change.value_or(0.0);
  return change_a != change_b ? change_a > change_b : a.strategy.engines < b.strategy.engines;
}

// Why no count of experts serves all tasks: for each count, a task and what keeps it from it.
std::string why_none(const std::vector<ShareTask>& tasks) {
  std::map<std::int64_t, std::vector<std::string>, std::greater<>> without;
  std::set<std::int64_t> counts;
  for (const ShareTask& task : tasks) {
    for (const std::int64_t kept : task.scenario.experts_kept) {
      counts.insert(kept);
    }
  }
  for (const std::int64_t kept : counts) {
    for (const ShareTask& task : tasks) {
      const bool usable = std::any_of(
          task.plan.designs.begin(), task.plan.designs.end(),
          [&](const Design& d) { return d.candidate.experts_kept == kept && is_usable(d); });
      if (!usable) {
        without[kept].push_back(task.scenario.name);
      }
    }
  }
  std::vector<std::string> parts;
  for (const auto& [kept, names] : without) {
    parts.push_back(fmt::format("{} experts do not serve {}", kept, joined(names)));
  }
  if (parts.empty()) {
    return "every task has designs of every count of experts, but no layout is common to all";
  }
  return "no count of experts and layout meets every task's objectives and its accuracy gate: " +
         joined(parts);
}

}  // namespace

std::optional<Strategy> shared_on(const std::vector<ShareTask>& tasks, const Candidate& candidate,
                                  const AdaptationOptions& options, const WorkOptions& work,
                                  const LawErrors& errors) {
  std::optional<Option> option = option_of(tasks, candidate, options);
  if (!option || !option->strategy.works() || !verify(tasks, work, errors, *option)) {
    return std::nullopt;
  }
  return std::move(option->strategy);
}

Strategy shared_model(const std::vector<ShareTask>& tasks, const AdaptationOptions& options,
                      const WorkOptions& work) {
  std::vector<Option> all;
  for (const Design& design : tasks.front().plan.designs) {
    std::optional<Option> option = option_of(tasks, design.candidate, options);
    if (option && option->strategy.works()) {
      all.push_back(std::move(*option));
    }
  }
  if (all.empty()) {
    return {.name = "shared", .why_not = why_none(tasks)};
  }
  std::stable_sort(all.begin(), all.end(), cheaper);
  // Growing a fleet never makes it cheaper: what costs more before its check than the best does
  // after it is out.
  std::optional<Option> best;
  std::size_t checked = 0;
  for (Option& option : all) {
    if (checked == kMostChecked || (best && !cheaper(option, *best))) {
      break;
    }
    ++checked;
    if (verify(tasks, work, {}, option) && (!best || cheaper(option, *best))) {
      best = std::move(option);
    }
  }
  if (!best) {
    return {.name = "shared",
            .why_not = fmt::format("the mixed traffic misses an objective on each of the {} "
                                   "cheapest designs, on four times the engines that a mix linear "
                                   "in work needs",
                                   checked)};
  }
  return best->strategy;
}

}  // namespace moeplan::sim
