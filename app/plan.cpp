// moeplan plan: recommends how many experts to keep on how many GPUs.

#include "sim/plan/plan.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "app/subcommand.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "sim/plan/candidates.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/plan_text.hpp"

namespace moeplan::app {
namespace {

struct PlanCommand {
  CommonOptions common;
  std::string scenario;

  int run() const;
};

// The built-in default stands beside the catalog, so that a user can read and copy it.
std::filesystem::path default_scenario() {
  return models::data_dir() / "scenarios" / "default.yaml";
}

std::string rendered(const sim::Plan& plan, const sim::Scenario& scenario,
                     const std::string& format) {
  const sim::ReportContext context{kVersion};
  if (format == "json") {
    return sim::plan_json(plan, scenario, context).pretty();
  }
  if (format == "jsonl") {
    return sim::plan_json(plan, scenario, context).line() + "\n";
  }
  if (format == "csv") {
    return sim::plan_csv(plan, scenario);
  }
  return sim::plan_text(plan, scenario, context,
                        format == "markdown" ? sim::TextStyle::markdown : sim::TextStyle::terminal);
}

void write_outputs(const sim::Plan& plan, const sim::Scenario& scenario,
                   const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  for (const auto& [name, format] :
       {std::pair{"plan.json", "json"}, std::pair{"plan.md", "markdown"},
        std::pair{"designs.csv", "csv"}}) {
    text::write_file(directory / name, rendered(plan, scenario, format));
  }
}

int PlanCommand::run() const {
  const std::filesystem::path path =
      scenario.empty() ? default_scenario() : std::filesystem::path(scenario);
  const sim::Scenario loaded = sim::load_scenario(path, {.seed = common.seed});
  if (common.print_config) {
    std::cout << loaded.values.print();
    return kOk;
  }
  const std::size_t count = sim::candidates(loaded).size();
  if (common.dry_run) {
    std::cout << fmt::format(
        "{}: valid; {} candidates, about {} simulated runs of {} requests each\n", path.string(),
        count, 14 * count, loaded.workload.requests);
    return kOk;
  }
  sim::PlanOptions options;
  options.threads = common.thread_count();
  if (common.shows_progress()) {
    options.progress = [](std::size_t done, std::size_t total) {
      std::cerr << fmt::format("\r{} of {} designs judged{}", done, total,
                               done == total ? "\n" : "")
                << std::flush;
    };
  }
  const sim::Plan plan = sim::make_plan(loaded, options);
  std::cout << rendered(plan, loaded, common.format);
  if (!common.output.empty()) {
    write_outputs(plan, loaded, common.output);
  }
  return plan.recommended ? kOk : kNoFeasiblePlan;
}

}  // namespace

void add_plan(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<PlanCommand>();
  CLI::App* sub = app.add_subcommand(
      "plan", "Recommend how many experts to keep, on how many GPUs, with latency and money");
  sub->add_option("SCENARIO", command->scenario,
                  "Scenario file (YAML); without it, the built-in default scenario");
  add_common_options(*sub, command->common, {"table", "json", "jsonl", "csv", "markdown"});
  sub->footer(
      "Examples:\n"
      "  moeplan plan\n"
      "  moeplan plan scenarios/examples/mixtral_a100_or_h100.yaml --format json -o out\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
