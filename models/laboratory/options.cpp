// The two experiments that `moeplan lab` offers, and options as JSON.

#include "models/laboratory/experiment.hpp"

namespace moeplan::models {
namespace {

using text::Json;

Json schedule_json(const Schedule& schedule) {
  return Json::object()
      .set("steps", schedule.steps)
      .set("batch", schedule.batch)
      .set("rate", schedule.rate)
      .set("routers_only", schedule.routers_only)
      .set("capacity_factor", schedule.rules.capacity_factor)
      .set("balance", schedule.rules.balance);
}

Json problem_json(const ProblemShape& shape) {
  return Json::object()
      .set("context", shape.context)
      .set("features", shape.features)
      .set("families", shape.families)
      .set("variants", shape.variants)
      .set("classes", shape.classes)
      .set("tasks", shape.tasks)
      .set("offset", shape.offset)
      .set("context_noise", shape.context_noise)
      .set("variant_share", shape.variant_share)
      .set("task_turn", shape.task_turn)
      .set("task_focus", shape.task_focus)
      .set("label_noise", shape.label_noise);
}

}  // namespace

Json LaboratoryOptions::json() const {
  std::vector<std::string> method_names;
  for (const PruningMethod method : methods) {
    method_names.emplace_back(name_of(method));
  }
  std::vector<std::string> router_names;
  for (const RouterMode router : routers) {
    router_names.emplace_back(name_of(router));
  }
  return Json::object()
      .set("problem", problem_json(problem))
      .set("intermediate", intermediate)
      .set("layers", layers)
      .set("sizes", sizes)
      .set("pruned", pruned)
      .set("methods", method_names)
      .set("routers", router_names)
      .set("seeds", seeds)
      .set("seed", seed)
      .set("pretraining", schedule_json(pretraining))
      .set("router_tuning", schedule_json(router_tuning))
      .set("tuning", schedule_json(tuning))
      .set("task_samples", task_samples)
      .set("test_samples", test_samples);
}

// The paper trains with a capacity factor of 1.2 and alpha 0.01; batches of 512 tokens need 0.05 to
// keep drops below 5 %. Tasks are tuned without a capacity: few regimes carry most of a task, and
// drops would punish whoever has experts for them.
LaboratoryOptions full_laboratory() {
  LaboratoryOptions options;
  options.sizes = {1, 2, 4, 8, 16, 32, 64};
  options.pruned = {8, 16, 32, 64};
  options.methods = {
      PruningMethod::uncurl,  PruningMethod::frequency, PruningMethod::frequency_merge,
      PruningMethod::mc_smoe, PruningMethod::reap,      PruningMethod::random};
  options.routers = {RouterMode::reinitialised, RouterMode::sliced};
  options.seeds = 6;
  options.pretraining = {.steps = 4000,
                         .batch = 512,
                         .rate = 1e-2,
                         .rules = {.capacity_factor = 1.2, .balance = 0.05}};
  options.router_tuning = {
      .steps = 200, .batch = 128, .rate = 1e-2, .routers_only = true, .rules = {{}, 0.01}};
  options.tuning = {.steps = 600, .batch = 128, .rate = 1e-3, .rules = {{}, 0.01}};
  options.task_samples = 8000;
  options.test_samples = 4000;
  return options;
}

LaboratoryOptions quick_laboratory() {
  LaboratoryOptions options = full_laboratory();
  options.problem.tasks = 2;
  options.sizes = {1, 2, 4, 8};
  options.pruned = {4, 8};
  options.seeds = 2;
  options.pretraining.steps = 150;
  options.router_tuning.steps = 10;
  options.tuning.steps = 40;
  options.task_samples = 1000;
  options.test_samples = 1000;
  return options;
}

}  // namespace moeplan::models
