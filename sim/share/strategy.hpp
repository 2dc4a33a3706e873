#pragma once
// Strategy: one way to serve several tasks, sized and priced: fleets of their own, one model for
// all, or engines that change their variant over the day.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/share/adaptation.hpp"
#include "sim/share/tasks.hpp"

namespace moeplan::sim {

// What switching an engine to another variant takes; assumptions of the user.
struct AdaptationOptions {
  BytesPerSecond load_rate = gigabytes_per_second(2.0);  // of weights, into each GPU
  Seconds drain = seconds(30.0);                         // running requests are answered first
  Seconds window = hours(1.0);                           // how often engines are assigned
  Seconds hold = hours(2.0);                             // an engine keeps a variant so long
};

// The design that serves a task, and what follows from it.
struct TaskDesign {
  std::size_t design = 0;    // into the task's Plan::designs
  PerSecond capacity;        // of one engine that serves this task alone
  std::int64_t engines = 0;  // in the busiest hour of the task, if it had them alone; without spare
  Seconds reload;            // drain + weights of a GPU / load rate
};

// Simulations of mixed traffic on the engines of a shared model.
struct MixCheck {
  std::int64_t runs = 0;            // mixes simulated at the number of engines chosen
  std::int64_t linear_engines = 0;  // that a mix linear in work would need, spare ones included
  std::string tightest;             // "chat: ttft p99 1.80 s of 2 s at hour 9"
  bool undecided = false;           // met by less than the error of an estimate
  bool prefixes_ignored = false;    // equal prompt beginnings count as work: conservative
};

struct Strategy {
  std::string name;     // separate, shared or adaptive
  std::string why_not;  // a sentence; "" where it works
  std::vector<TaskDesign> tasks;
  std::int64_t engines = 0;  // of the fleet, spare ones included
  std::int64_t spare = 0;    // of them
  std::int64_t gpus = 0;
  std::int64_t instances = 0;
  std::int64_t stranded_gpus = 0;
  UsdPerSecond rent;
  std::vector<std::string> price_ids;        // of the offers, one per kind of hardware
  std::vector<std::int64_t> hourly_engines;  // [24], that the traffic needs; without spare ones
  // Means of the tasks' figures by their requests a day; nothing where a task has no curve.
  std::optional<double> accuracy;
  std::optional<double> accuracy_change;
  std::optional<MixCheck> mix;           // of a shared model
  std::optional<Adaptation> adaptation;  // of an adaptive fleet, without spare engines
  std::optional<Adaptation> one_less;    // the same with one engine less; of fleets above one
  std::optional<Adaptation> reactive;    // the same fleet when it only sees what has happened

  bool works() const { return why_not.empty(); }
  double usd_per_month() const { return rent.value() * kSecondsPerMonth; }
};

// Engines of one size on one kind of hardware.
struct FleetPart {
  std::size_t hardware = 0;  // index into Scenario::hardware
  EnginePool pool;
};

// Sets gpus, instances, stranded GPUs, rent and price_ids: the cheapest whole instances of each
// kind of hardware, shared by all its engines. why_not where the price book has no offer.
void price_fleet(const Scenario& scenario, const std::vector<FleetPart>& parts, Strategy& strategy);

// Sets the accuracies from the tasks' designs.
void add_accuracies(const std::vector<ShareTask>& tasks, Strategy& strategy);

// A task on one of its designs: its capacity, engines and reload time.
TaskDesign task_design(const ShareTask& task, std::size_t design, const AdaptationOptions& options);

// The most spare engines that any task asks for.
std::int64_t most_spare(const std::vector<ShareTask>& tasks);

// Every task on the design that its plan recommends, with engines (and spare ones) of its own for
// its busiest hour; the rent is that of all engines together.
Strategy separate_fleets(const std::vector<ShareTask>& tasks, const AdaptationOptions& options);

// One variant and layout for all tasks, on the fewest engines for the busiest hour of their sum:
//   engines(h) = ceil(sum over tasks of rate(h) / capacity)
// of the candidates that every task's plan found usable (its own gate included), the cheapest. The
// sum is linear in work, which engines are not, above all where objectives differ: the mixed
// traffic of every hour is simulated, and the fleet grows until every task's objectives are met.
Strategy shared_model(const std::vector<ShareTask>& tasks, const AdaptationOptions& options,
                      const WorkOptions& work);

// That strategy on one candidate, sized and priced, with its mixed traffic simulated under laws
// that err so (ModelStepCost); nothing where a task cannot use it or no fleet holds.
std::optional<Strategy> shared_on(const std::vector<ShareTask>& tasks, const Candidate& candidate,
                                  const AdaptationOptions& options, const WorkOptions& work,
                                  const LawErrors& errors = {});

// Engines of one size on one kind of hardware, each with the variant of one task at a time
// (adaptation.hpp): for every such size the design of each task with the highest capacity; of the
// sizes, the cheapest.
Strategy adaptive_fleet(const std::vector<ShareTask>& tasks, const AdaptationOptions& options);

// That strategy with these designs, one a task, all of one size and hardware.
Strategy adaptive_on(const std::vector<ShareTask>& tasks, const std::vector<std::size_t>& designs,
                     const AdaptationOptions& options);

// Demand of the day's windows: [windows][tasks], the largest of the hours that a window touches.
AdaptationInput adaptation_input(const std::vector<ShareTask>& tasks,
                                 const std::vector<TaskDesign>& designs,
                                 const AdaptationOptions& options);

}  // namespace moeplan::sim
