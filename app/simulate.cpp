// moeplan simulate: one design of a scenario, with all its metrics.

#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "app/choose_design.hpp"
#include "app/interrupt.hpp"
#include "app/simulate_static.hpp"
#include "app/subcommand.hpp"
#include "models/text/load.hpp"
#include "sim/plan/design.hpp"
#include "sim/report/simulation_json.hpp"
#include "sim/scenario/static_scenario.hpp"

namespace moeplan::app {
namespace {

struct SimulateCommand {
  CommonOptions common;
  DesignChoice choice;
  std::int64_t draws = 0;

  std::string rendered(const sim::Design& design, const sim::Scenario& loaded,
                       const std::optional<sim::Uncertainty>& intervals) const {
    const sim::ReportContext context{kVersion};
    const sim::Uncertainty* uncertainty = intervals ? &*intervals : nullptr;
    if (common.format.starts_with("json")) {
      const text::Json json = sim::simulation_json(design, loaded, context, uncertainty);
      return common.format == "json" ? json.pretty() : json.line() + "\n";
    }
    return sim::simulation_text(
        design, loaded, context,
        common.format == "markdown" ? sim::TextStyle::markdown : sim::TextStyle::terminal,
        uncertainty);
  }

  // A fleet behind a router is simulated as a whole, and all its requests are held.
  void check_size(const sim::Scenario& loaded) const {
    if (loaded.replica_router && !loaded.workload.trace &&
        choice.replicas > sim::kMostRequests / loaded.workload.requests) {
      throw CLI::ValidationError(
          "--replicas", fmt::format("{} engines with {} requests each are more than the {} that a "
                                    "run may have; --requests takes fewer",
                                    choice.replicas, loaded.workload.requests, sim::kMostRequests));
    }
  }

  int run() const {
    if (sim::is_static_scenario(choice.scenario)) {
      if (draws > 0) {
        throw CLI::ValidationError("--draws", "a static forward pass has its band already");
      }
      return simulate_static(common, choice);
    }
    const std::optional<sim::Scenario> scenario = load_or_print(choice, common);
    if (!scenario) {
      return kOk;
    }
    const sim::Scenario& loaded = *scenario;
    const sim::Candidate candidate = choose_design(loaded, choice);
    check_size(loaded);
    if (common.dry_run) {
      std::cout << fmt::format("{}: valid; {} on {}, {} requests\n", loaded.file,
                               candidate.layout_name(), loaded.hardware[candidate.hardware].label(),
                               loaded.workload.requests);
      return kOk;
    }
    handle_interrupts();
    const auto result = sim::assess(loaded, candidate, choice.replicas);
    stop_if_interrupted();
    if (const auto* why = std::get_if<sim::Infeasible>(&result)) {
      std::cerr << fmt::format("infeasible ({}): {}\n", why->code, why->reason);
      return kNoFeasiblePlan;
    }
    const sim::Design& design = std::get<sim::Design>(result);
    std::optional<sim::Uncertainty> uncertainty;
    if (draws > 0) {
      uncertainty = sim::uncertainty_of(loaded, design, draws,
                                        {.threads = common.thread_count(),
                                         .progress = [](auto, auto) { stop_if_interrupted(); }});
    }
    const std::string output = rendered(design, loaded, uncertainty);
    if (!common.output.empty()) {
      text::write_file(common.output, output);
    }
    std::cout << output << std::flush;
    return kOk;
  }
};

}  // namespace

void add_simulate(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<SimulateCommand>();
  CLI::App* sub = app.add_subcommand(
      "simulate",
      "Run one design of a scenario and print all its metrics (TTFT: arrival to first "
      "token, queueing included; TPOT: (E2E - TTFT) / (output tokens - 1))");
  add_design_options(*sub, command->choice);
  add_draws_option(*sub, command->draws);
  add_common_options(*sub, command->common, {"table", "json", "jsonl", "markdown"});
  sub->footer(
      "Examples:\n"
      "  moeplan simulate scenarios/examples/mixtral_a100_or_h100.yaml --gpu h100-sxm --gpus 2 "
      "--tensor-parallel 2 --expert-parallel false --experts-kept 8 --replicas 8\n"
      "  moeplan simulate scenarios/paper/fig2a_experts.yaml --format json\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
