#include "sim/share/share_uncertainty.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <set>

#include "models/units/require.hpp"
#include "sim/engine/random_stream.hpp"
#include "sim/uncertainty/skew.hpp"

namespace moeplan::sim {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

// Keys that say which worlds there are.
constexpr const char* kWorldKeys[] = {"uncertainty.price", "uncertainty.jitter",
                                      "uncertainty.routing"};

// One task in the worlds: what is not known of it, and its designs that a strategy uses.
struct DrawnTask {
  const ShareTask* task = nullptr;
  std::unique_ptr<const Scenario> common;  // the task's, with the seed of all tasks' worlds
  std::vector<std::size_t> designs;        // indices into its plan, each once
  std::vector<DesignSampler> samplers;
  UncertainInputs inputs;
};

std::vector<std::size_t> used_designs(const Share& share, std::size_t task) {
  std::set<std::size_t> used;
  for (const Strategy& strategy : share.strategies) {
    if (strategy.works()) {
      used.insert(strategy.tasks[task].design);
    }
  }
  return {used.begin(), used.end()};
}

DrawnTask drawn_task(const Share& share, std::size_t index) {
  const ShareTask& task = share.tasks[index];
  std::vector<std::size_t> designs = used_designs(share, index);
  std::vector<Candidate> candidates;
  std::vector<DesignSampler> samplers;
  for (const std::size_t design : designs) {
    candidates.push_back(task.plan.designs[design].candidate);
    samplers.emplace_back(task.scenario, task.plan.designs[design]);
  }
  auto common = std::make_unique<Scenario>(task.scenario);
  common->seed = share.tasks.front().scenario.seed;
  UncertainInputs inputs(*common, candidates);
  return {.task = &task,
          .common = std::move(common),
          .designs = std::move(designs),
          .samplers = std::move(samplers),
          .inputs = std::move(inputs)};
}

// World i of a task. Levels are addressed by name, so that tasks share them; an accuracy's is of
// its curve besides, because curves were measured apart.
World world_of(const DrawnTask& drawn, std::uint64_t i) {
  World world = drawn.inputs.draw(i);
  for (std::size_t k = 0; k < drawn.inputs.all().size(); ++k) {
    const UncertainInput& input = drawn.inputs.all()[k];
    if (input.kind == InputKind::accuracy) {
      const Scenario& scenario = *drawn.common;
      world.levels[k] = unit_interval(
          RandomStream(scenario.seed, fmt::format("uncertain {} of {}", input.name,
                                                  scenario.accuracy->description().id))
              .at(i));
    }
  }
  return world;
}

// The task in a world, with its own chance again: arrivals, lengths, and where a routing is drawn.
DrawnScenario applied(const DrawnTask& drawn, const World& world) {
  DrawnScenario result = drawn.inputs.apply(world);
  const Scenario& own = drawn.task->scenario;
  result.scenario.seed = own.seed;
  for (std::size_t k = 0; k < drawn.inputs.all().size(); ++k) {
    if (drawn.inputs.all()[k].kind == InputKind::routing && own.seed != drawn.common->seed) {
      result.scenario.routing =
          skewed(own.routing, own.workload.routing, drawn.inputs.value(k, *world.levels[k]),
                 own.router, own.experts_kept, own.seed);
    }
  }
  return result;
}

// The book with every rent as the world has it.
models::PriceBook priced(const models::PriceBook& book,
                         const std::map<std::string, double>& factors) {
  std::vector<models::Price> prices = book.prices();
  for (models::Price& price : prices) {
    const auto factor = factors.find(price.gpu);
    price.rent = price.rent * (factor == factors.end() ? 1.0 : factor->second);
  }
  return {book.id(), book.as_of(), std::move(prices)};
}

// The tasks in one world, with the capacities that their engines have there.
struct ShareWorld {
  std::vector<ShareTask> tasks;
  std::vector<std::set<std::size_t>> inaccurate;  // [tasks], designs beyond the task's gate
  std::vector<LawErrors> errors;                  // [hardware]
};

ShareWorld share_world(const std::vector<DrawnTask>& drawn, const std::vector<World>& worlds) {
  ShareWorld result;
  for (std::size_t t = 0; t < drawn.size(); ++t) {
    const DrawnTask& of = drawn[t];
    DrawnScenario world = applied(of, worlds[t]);
    world.scenario.prices.book = priced(world.scenario.prices.book, world.price);
    world.price.clear();  // the book says it now
    Plan plan;
    plan.recommended = of.task->plan.recommended;
    plan.designs = of.task->plan.designs;
    result.inaccurate.emplace_back();
    for (std::size_t d = 0; d < of.designs.size(); ++d) {
      const Sample sample = of.samplers[d].sample(world);
      const double capacity = sample[Figure::capacity];
      plan.designs[of.designs[d]].capacity.load = capacity;
      if (!sample.can_serve && capacity > 0.0) {
        result.inaccurate.back().insert(of.designs[d]);
      }
    }
    result.errors = std::move(world.errors);
    result.tasks.push_back(
        {.scenario = std::move(world.scenario), .rates = of.task->rates, .plan = std::move(plan)});
  }
  return result;
}

// What a strategy is in one world.
struct Outcome {
  double engines = kNone;
  double usd_per_month = kNone;
  bool accurate = true;
  bool enough = false;  // the fleet as planned
  bool serves() const { return accurate && engines < kNone; }
};

// Every task's engines of a separate fleet, spare ones included.
std::vector<std::int64_t> engines_by_task(const std::vector<ShareTask>& tasks,
                                          const Strategy& strategy) {
  std::vector<std::int64_t> engines;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    engines.push_back(engines_for(tasks[t].scenario, in_per_second(strategy.tasks[t].capacity)));
  }
  return engines;
}

std::optional<Strategy> sized(const Share& share, const Strategy& planned,
                              const ShareWorld& world) {
  std::vector<std::size_t> designs;
  for (const TaskDesign& task : planned.tasks) {
    designs.push_back(task.design);
  }
  const Candidate& first = world.tasks.front().plan.designs[designs.front()].candidate;
  if (planned.mix) {
    return shared_on(world.tasks, first, share.options, WorkOptions{},
                     world.errors[first.hardware]);
  }
  return planned.adaptation ? adaptive_on(world.tasks, designs, share.options)
                            : separate_fleets(world.tasks, share.options);
}

Outcome outcome_of(const Share& share, const Strategy& planned, const ShareWorld& world) {
  Outcome outcome;
  for (std::size_t t = 0; t < world.tasks.size(); ++t) {
    const std::size_t design = planned.tasks[t].design;
    outcome.accurate = outcome.accurate && world.inaccurate[t].count(design) == 0;
    if (!(world.tasks[t].plan.designs[design].capacity.load > 0.0)) {
      return outcome;  // not even one request
    }
  }
  const std::optional<Strategy> strategy = sized(share, planned, world);
  if (!strategy || !strategy->works()) {
    return outcome;
  }
  outcome.engines = static_cast<double>(strategy->engines);
  outcome.usd_per_month = strategy->usd_per_month();
  outcome.enough = strategy->engines <= planned.engines;
  if (!planned.mix && !planned.adaptation) {
    // A fleet's spare capacity does not help another task's.
    const std::vector<std::int64_t> has = engines_by_task(share.tasks, planned);
    const std::vector<std::int64_t> needs = engines_by_task(world.tasks, *strategy);
    for (std::size_t t = 0; t < has.size(); ++t) {
      outcome.enough = outcome.enough && needs[t] <= has[t];
    }
  }
  return outcome;
}

// outcomes: [draws][strategies].
StrategyIntervals intervals_of(const std::vector<std::vector<Outcome>>& outcomes,
                               std::size_t which) {
  std::size_t meets = 0;
  std::size_t cheapest = 0;
  std::vector<double> engines;
  std::vector<double> money;
  for (const std::vector<Outcome>& draw : outcomes) {
    const Outcome& own = draw[which];
    engines.push_back(own.engines);
    money.push_back(own.usd_per_month);
    meets += own.enough && own.accurate ? 1 : 0;
    const bool dearer = std::any_of(draw.begin(), draw.end(), [&](const Outcome& other) {
      return other.serves() && other.usd_per_month < own.usd_per_month;
    });
    cheapest += own.serves() && !dearer ? 1 : 0;
  }
  return {.strategy = 0,
          .engines = interval_of(engines),
          .usd_per_month = interval_of(money),
          .meets = probability_of(meets, outcomes.size()),
          .cheapest = probability_of(cheapest, outcomes.size())};
}

std::vector<std::string> notes_of() {
  return {
      "Drawn: errors and fits of laws, jitter, routing skew, prices and accuracies; all tasks and "
      "strategies see the same worlds. Chance within a run (arrivals, lengths, jitter) is the same "
      "in all of them.",
      "In every world capacities are searched, mixed traffic simulated and the policy run anew, "
      "but each strategy keeps its variants and layouts: a world changes how many engines, not "
      "which.",
      "Traffic, the day and the times of a reload are taken as stated."};
}

}  // namespace

void refuse_different_worlds(const std::vector<Scenario>& scenarios) {
  std::vector<Problem> problems;
  const Scenario& first = scenarios.front();
  for (const Scenario& other : scenarios) {
    for (const char* key : kWorldKeys) {
      if (other.values.number(key) != first.values.number(key)) {
        problems.push_back(
            {.code = "E_VALUE",
             .file = other.file,
             .mark = other.values.mark(key),
             .pointer = pointer_of(key),
             .what = fmt::format("tasks see the same worlds with one {}", key),
             .got = other.values.text(key),
             .expected = fmt::format("{}, as in {}", first.values.text(key), first.file),
             .fix = ""});
      }
    }
  }
  if (!problems.empty()) {
    throw InputError(problems);
  }
}

ShareUncertainty share_uncertainty(const Share& share, std::int64_t draws,
                                   const WorkOptions& options) {
  require(draws >= kFewestDraws, "percentiles need draws");
  std::vector<Scenario> scenarios;
  std::vector<DrawnTask> drawn;
  drawn.reserve(share.tasks.size());
  for (std::size_t t = 0; t < share.tasks.size(); ++t) {
    scenarios.push_back(share.tasks[t].scenario);
    drawn.push_back(drawn_task(share, t));
  }
  refuse_different_worlds(scenarios);
  std::vector<std::size_t> working;
  for (std::size_t i = 0; i < share.strategies.size(); ++i) {
    if (share.strategies[i].works()) {
      working.push_back(i);
    }
  }
  ShareUncertainty result{.draws = draws, .seed = scenarios.front().seed, .notes = notes_of()};
  if (working.empty()) {
    return result;
  }
  std::vector<std::vector<Outcome>> outcomes(static_cast<std::size_t>(draws));
  for_each_index(outcomes.size(), options, [&](std::size_t i) {
    std::vector<World> worlds;
    for (const DrawnTask& task : drawn) {
      worlds.push_back(world_of(task, i));
    }
    const ShareWorld world = share_world(drawn, worlds);
    for (const std::size_t strategy : working) {
      outcomes[i].push_back(outcome_of(share, share.strategies[strategy], world));
    }
  });
  for (std::size_t w = 0; w < working.size(); ++w) {
    result.strategies.push_back(intervals_of(outcomes, w));
    result.strategies.back().strategy = working[w];
  }
  return result;
}

}  // namespace moeplan::sim
