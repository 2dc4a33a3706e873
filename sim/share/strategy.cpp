#include "sim/share/strategy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moeplan::sim {

std::int64_t most_spare(const std::vector<ShareTask>& tasks) {
  std::int64_t most = 0;
  for (const ShareTask& task : tasks) {
    most = std::max(most, task.scenario.spare_engines);
  }
  return most;
}

void price_fleet(const Scenario& scenario, const std::vector<FleetPart>& parts,
                 Strategy& strategy) {
  std::map<std::size_t, std::vector<EnginePool>> by_hardware;
  for (const FleetPart& part : parts) {
    by_hardware[part.hardware].push_back(part.pool);
    strategy.engines += part.pool.engines;
    strategy.gpus += part.pool.engines * part.pool.gpus;
  }
  std::int64_t paid_gpus = 0;
  for (const auto& [hardware, pools] : by_hardware) {
    const models::Gpu& gpu = scenario.hardware[hardware].gpu;
    const auto offer = cheapest_offer(scenario.prices, gpu.id, pools, gpu.gpus_per_node);
    if (const auto* reason = std::get_if<std::string>(&offer)) {
      strategy.why_not = *reason;
      return;
    }
    const Offer& found = std::get<Offer>(offer);
    strategy.instances += found.instances;
    paid_gpus += found.instances * found.price->gpus;
    strategy.rent += found.price->rent * static_cast<double>(found.instances);
    strategy.price_ids.push_back(found.price->id);
  }
  strategy.stranded_gpus = paid_gpus - strategy.gpus;
}

void add_accuracies(const std::vector<ShareTask>& tasks, Strategy& strategy) {
  double accuracy = 0.0;
  double change = 0.0;
  bool all_known = true;
  bool all_changes = true;
  PerSecond total;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const Design& design = tasks[t].plan.designs[strategy.tasks[t].design];
    const PerSecond rate = tasks[t].mean();
    total += rate;
    all_known = all_known && design.accuracy;
    all_changes = all_changes && design.accuracy_change;
    accuracy += design.accuracy ? in_per_second(rate) * design.accuracy->value : 0.0;
    change += design.accuracy_change ? in_per_second(rate) * design.accuracy_change->value : 0.0;
  }
  if (all_known) {
    strategy.accuracy = accuracy / in_per_second(total);
  }
  if (all_changes) {
    strategy.accuracy_change = change / in_per_second(total);
  }
}

TaskDesign task_design(const ShareTask& task, std::size_t design,
                       const AdaptationOptions& options) {
  const Design& chosen = task.plan.designs[design];
  TaskDesign result{.design = design, .capacity = PerSecond(chosen.capacity.load)};
  result.engines = whole_engines(task.peak() / result.capacity);
  result.reload = options.drain + chosen.memory.weights() / options.load_rate;
  return result;
}

Strategy separate_fleets(const std::vector<ShareTask>& tasks, const AdaptationOptions& options) {
  Strategy strategy{.name = "separate"};
  std::vector<FleetPart> parts;
  strategy.hourly_engines.assign(kHoursOfDay, 0);
  for (const ShareTask& task : tasks) {
    if (task.best() == nullptr) {
      strategy.why_not = fmt::format("no design of {} meets its objectives", task.scenario.name);
      return strategy;
    }
    const TaskDesign own = task_design(task, *task.plan.recommended, options);
    const Candidate& candidate = task.best()->candidate;
    parts.push_back({candidate.hardware,
                     {.gpus = candidate.gpus,
                      .engines = engines_for(task.scenario, in_per_second(own.capacity))}});
    strategy.spare += task.scenario.spare_engines;
    for (std::size_t h = 0; h < kHoursOfDay; ++h) {
      strategy.hourly_engines[h] += whole_engines(task.rates[h] / own.capacity);
    }
    strategy.tasks.push_back(own);
  }
  price_fleet(tasks.front().scenario, parts, strategy);
  add_accuracies(tasks, strategy);
  return strategy;
}

}  // namespace moeplan::sim
