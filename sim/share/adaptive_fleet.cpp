// The adaptive strategy: which engine size and variants, and how many engines the policy needs.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "models/units/require.hpp"
#include "sim/share/strategy.hpp"

namespace moeplan::sim {
namespace {

struct EngineSize {
  std::size_t hardware = 0;
  int gpus = 1;
  friend bool operator<(const EngineSize& a, const EngineSize& b) {
    return a.hardware != b.hardware ? a.hardware < b.hardware : a.gpus < b.gpus;
  }
};

// The usable design of that size with the highest capacity; ties: the more accurate, the first.
std::optional<std::size_t> strongest(const ShareTask& task, const EngineSize& size) {
  const auto accuracy = [](const Design& d) { return d.accuracy ? d.accuracy->value : 0.0; };
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < task.plan.designs.size(); ++i) {
    const Design& d = task.plan.designs[i];
    if (!is_usable(d) || d.candidate.hardware != size.hardware || d.candidate.gpus != size.gpus) {
      continue;
    }
    if (!best || d.capacity.load > task.plan.designs[*best].capacity.load ||
        (d.capacity.load == task.plan.designs[*best].capacity.load &&
         accuracy(d) > accuracy(task.plan.designs[*best]))) {
      best = i;
    }
  }
  return best;
}

// nullopt: a task has no design of that size.
std::optional<Strategy> fleet_of(const std::vector<ShareTask>& tasks, const EngineSize& size,
                                 const AdaptationOptions& options) {
  std::vector<std::size_t> designs;
  for (const ShareTask& task : tasks) {
    const std::optional<std::size_t> design = strongest(task, size);
    if (!design) {
      return std::nullopt;
    }
    designs.push_back(*design);
  }
  return adaptive_on(tasks, designs, options);
}

}  // namespace

Strategy adaptive_on(const std::vector<ShareTask>& tasks, const std::vector<std::size_t>& designs,
                     const AdaptationOptions& options) {
  Strategy strategy{.name = "adaptive"};
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    strategy.tasks.push_back(task_design(tasks[t], designs[t], options));
  }
  const AdaptationInput input = adaptation_input(tasks, strategy.tasks, options);
  strategy.adaptation = smallest_fleet(input);
  const std::int64_t engines = strategy.adaptation->engines;
  if (engines > 1) {
    strategy.one_less = adapt(input, engines - 1);
  }
  AdaptationInput blind = input;
  blind.foresight = false;
  strategy.reactive = adapt(blind, engines);
  for (std::size_t h = 0; h < kHoursOfDay; ++h) {
    std::int64_t needed = 0;
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      needed += whole_engines(tasks[t].rates[h] / strategy.tasks[t].capacity);
    }
    strategy.hourly_engines.push_back(needed);
  }
  strategy.spare = most_spare(tasks);
  const Candidate& size = tasks.front().plan.designs[designs.front()].candidate;
  price_fleet(tasks.front().scenario,
              {{size.hardware, {.gpus = size.gpus, .engines = engines + strategy.spare}}},
              strategy);
  add_accuracies(tasks, strategy);
  return strategy;
}

AdaptationInput adaptation_input(const std::vector<ShareTask>& tasks,
                                 const std::vector<TaskDesign>& designs,
                                 const AdaptationOptions& options) {
  AdaptationInput input;
  input.window = options.window;
  input.hold = options.hold;
  const double count = hours(24.0) / options.window;
  require(std::abs(count - std::round(count)) < 1e-9 && count > 0.5,
          "a day has a whole number of windows");
  const auto windows = static_cast<std::size_t>(std::llround(count));
  for (std::size_t w = 0; w < windows; ++w) {
    // In hours: [begin, end) of the window; the last hour it touches begins before its end.
    const double begin = static_cast<double>(w) * in_hours(options.window);
    const double end = begin + in_hours(options.window);
    const auto first = static_cast<std::size_t>(begin + 1e-9);
    const auto last = std::min(kHoursOfDay - 1, static_cast<std::size_t>(end - 1e-9));
    input.demand.emplace_back();
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      double demand = 0.0;
      for (std::size_t h = first; h <= last; ++h) {
        demand = std::max(demand, tasks[t].rates[h] / designs[t].capacity);
      }
      input.demand.back().push_back(demand);
    }
  }
  std::vector<Candidate> variants;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const Candidate& c = tasks[t].plan.designs[designs[t].design].candidate;
    const auto found = std::find(variants.begin(), variants.end(), c);
    input.variant.push_back(static_cast<std::size_t>(found - variants.begin()));
    if (found == variants.end()) {
      variants.push_back(c);
    }
    input.reload.push_back(designs[t].reload);
  }
  return input;
}

Strategy adaptive_fleet(const std::vector<ShareTask>& tasks, const AdaptationOptions& options) {
  std::set<EngineSize> sizes;
  for (const Design& d : tasks.front().plan.designs) {
    sizes.insert({d.candidate.hardware, d.candidate.gpus});
  }
  std::optional<Strategy> best;
  for (const EngineSize& size : sizes) {
    std::optional<Strategy> fleet = fleet_of(tasks, size, options);
    if (fleet && fleet->works() && (!best || fleet->rent < best->rent)) {
      best = std::move(fleet);
    }
  }
  if (!best) {
    return {.name = "adaptive",
            .why_not =
                "no size of engine on one kind of hardware serves every task within its "
                "objectives and its accuracy gate"};
  }
  return *best;
}

}  // namespace moeplan::sim
