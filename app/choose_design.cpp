#include "app/choose_design.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iostream>

#include "app/print_config.hpp"
#include "sim/plan/candidates.hpp"

namespace moeplan::app {
namespace {

// One flag: its name and the value that a candidate has there.
struct Axis {
  const char* flag;
  std::function<std::string(const sim::Candidate&)> value;
};

std::string node_name(const sim::Scenario& scenario, const sim::Candidate& c) {
  const std::string& node = scenario.hardware[c.hardware].node;
  return node.empty() ? "usual" : node;
}

std::vector<Axis> axes(const sim::Scenario& scenario) {
  return {
      {"--gpu", [&](const sim::Candidate& c) { return scenario.hardware[c.hardware].gpu.id; }},
      {"--node", [&](const sim::Candidate& c) { return node_name(scenario, c); }},
      {"--gpus", [](const sim::Candidate& c) { return fmt::format("{}", c.gpus); }},
      {"--experts-kept", [](const sim::Candidate& c) { return fmt::format("{}", c.experts_kept); }},
      {"--tensor-parallel",
       [](const sim::Candidate& c) { return fmt::format("{}", c.tensor_parallel); }},
      {"--pipeline-parallel",
       [](const sim::Candidate& c) { return fmt::format("{}", c.pipeline_parallel); }},
      {"--expert-parallel",
       [](const sim::Candidate& c) { return fmt::format("{}", c.expert_parallel); }},
      {"--exchange", [](const sim::Candidate& c) { return c.exchange_name(); }},
      {"--placement",
       [](const sim::Candidate& c) { return std::string(models::name_of(c.placement)); }},
      {"--redundant-experts",
       [](const sim::Candidate& c) { return fmt::format("{}", c.redundant_experts); }}};
}

// "--gpus 1, 2; --experts-kept 128, 64": the flags whose values differ.
std::string differences(const sim::Scenario& scenario, const std::vector<sim::Candidate>& all) {
  std::vector<std::string> parts;
  for (const Axis& axis : axes(scenario)) {
    std::vector<std::string> values;
    for (const sim::Candidate& candidate : all) {
      const std::string value = axis.value(candidate);
      if (std::find(values.begin(), values.end(), value) == values.end()) {
        values.push_back(value);
      }
    }
    if (values.size() > 1) {
      parts.push_back(fmt::format("{} {}", axis.flag, fmt::join(values, "|")));
    }
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

bool matches(const sim::Scenario& scenario, const DesignChoice& choice, const sim::Candidate& c) {
  const auto same = [](const auto& wanted, const auto& value) {
    return !wanted || *wanted == value;
  };
  return same(choice.gpu, scenario.hardware[c.hardware].gpu.id) &&
         same(choice.node, node_name(scenario, c)) && same(choice.gpus, c.gpus) &&
         same(choice.experts_kept, c.experts_kept) &&
         same(choice.tensor_parallel, c.tensor_parallel) &&
         same(choice.pipeline_parallel, c.pipeline_parallel) &&
         same(choice.expert_parallel, c.expert_parallel) &&
         same(choice.exchange, c.exchange_name()) &&
         same(choice.placement, models::name_of(c.placement)) &&
         same(choice.redundant_experts, c.redundant_experts);
}

}  // namespace

void add_design_options(CLI::App& command, DesignChoice& choice) {
  command.add_option("SCENARIO", choice.scenario, "Scenario file (YAML)")->required();
  command
      .add_option("--requests", choice.requests,
                  "Arrivals of the run, instead of the scenario's; a tenth is warm-up")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100000000}));
  command.add_option("--experts-kept", choice.experts_kept, "Of the scenario's values, this one");
  command.add_option("--gpu", choice.gpu, "Of the scenario's GPUs, this one");
  command.add_option("--node", choice.node,
                     "Of the scenario's machines, this one (usual: none is named)");
  command.add_option("--gpus", choice.gpus, "Of the scenario's engine sizes, this one");
  command.add_option("--tensor-parallel", choice.tensor_parallel, "Of the layouts, this one");
  command.add_option("--pipeline-parallel", choice.pipeline_parallel, "Of the layouts, this one");
  command.add_option("--expert-parallel", choice.expert_parallel,
                     "Whole experts on ranks (true), or every expert sharded (false)");
  command.add_option("--exchange", choice.exchange, "Of the exchanges, this one");
  command.add_option("--placement", choice.placement, "Of the placements of experts, this one");
  command.add_option("--redundant-experts", choice.redundant_experts,
                     "Of the scenario's values, this one");
  command.add_option("--replicas", choice.replicas, "Engines that share the scenario's traffic")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}))
      ->capture_default_str();
}

std::optional<sim::Scenario> load_or_print(const DesignChoice& choice,
                                           const CommonOptions& common) {
  sim::Scenario loaded =
      sim::load_scenario(choice.scenario, {.seed = common.seed, .requests = choice.requests});
  if (!common.print_config) {
    return loaded;
  }
  std::cout << print_config(
      sim::effective_values(loaded, {.seed = common.seed, .requests = choice.requests}), common);
  return std::nullopt;
}

sim::Candidate choose_design(const sim::Scenario& scenario, const DesignChoice& choice) {
  const std::vector<sim::Candidate> all = sim::candidates(scenario);
  std::vector<sim::Candidate> left;
  for (const sim::Candidate& candidate : all) {
    if (matches(scenario, choice, candidate)) {
      left.push_back(candidate);
    }
  }
  if (left.empty()) {
    throw CLI::ValidationError(
        "SCENARIO", "no design of the scenario is like that; it has " + differences(scenario, all));
  }
  if (left.size() > 1) {
    throw CLI::ValidationError(
        "SCENARIO", fmt::format("the scenario describes {} designs and one is needed; choose by {}",
                                left.size(), differences(scenario, left)));
  }
  return left.front();
}

}  // namespace moeplan::app
