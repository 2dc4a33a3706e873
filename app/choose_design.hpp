#pragma once
// Which of a scenario's designs a command is about: a scenario lists what a plan may try, and
// commands that run one design narrow the lists with flags.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "app/subcommand.hpp"
#include "sim/deployment/deployment.hpp"

namespace moeplan::app {

struct DesignChoice {
  std::string scenario;                  // file
  std::optional<std::int64_t> requests;  // instead of the scenario's
  std::optional<std::int64_t> experts_kept;
  std::optional<std::string> gpu;
  std::optional<std::string> node;
  std::optional<int> gpus;
  std::optional<int> tensor_parallel;
  std::optional<int> pipeline_parallel;
  std::optional<bool> expert_parallel;
  std::optional<std::string> exchange;
  std::optional<std::string> placement;
  std::optional<std::int64_t> redundant_experts;
  std::int64_t replicas = 1;
};

// SCENARIO, --requests, --experts-kept, --gpu, --node, --gpus, --tensor-parallel,
// --expert-parallel, --exchange,
// --placement, --redundant-experts, --replicas.
void add_design_options(CLI::App& command, DesignChoice& choice);

// The scenario with its overrides; nothing when --print-config asked for it, which is done then.
// Throws: as sim::load_scenario.
std::optional<sim::Scenario> load_or_print(const DesignChoice& choice, const CommonOptions& common);

// The one design that is left. Throws: CLI::ValidationError (wrong usage) when none or several are
// left, listing the values that would tell them apart.
sim::Candidate choose_design(const sim::Scenario& scenario, const DesignChoice& choice);

}  // namespace moeplan::app
