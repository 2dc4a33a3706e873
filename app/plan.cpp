// moeplan plan: recommends how many experts to keep on how many GPUs.

#include "sim/plan/plan.hpp"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <iostream>

#include "app/interrupt.hpp"
#include "app/plan_progress.hpp"
#include "app/print_config.hpp"
#include "app/subcommand.hpp"
#include "app/write_files.hpp"
#include "models/catalog/catalog.hpp"
#include "sim/plan/candidates.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/report/plan_text.hpp"
#include "sim/uncertainty/uncertainty.hpp"

namespace moeplan::app {
namespace {

struct PlanCommand {
  CommonOptions common;
  std::optional<std::string> scenario;
  std::int64_t draws = 0;

  int run() const;
};

// The built-in default stands beside the catalog, so that a user can read and copy it.
std::filesystem::path default_scenario() {
  return models::data_dir() / "scenarios" / "default.yaml";
}

// A plan and, where they were asked for, its intervals.
struct Answer {
  sim::Plan plan;
  std::optional<sim::Uncertainty> uncertainty;
};

std::string rendered(const Answer& answer, const sim::Scenario& scenario,
                     const std::string& format) {
  const sim::ReportContext context{kVersion};
  const sim::Plan& plan = answer.plan;
  const sim::Uncertainty* uncertainty = answer.uncertainty ? &*answer.uncertainty : nullptr;
  if (format == "json") {
    return sim::plan_json(plan, scenario, context, uncertainty).pretty();
  }
  if (format == "jsonl") {
    return sim::plan_json(plan, scenario, context, uncertainty).line() + "\n";
  }
  if (format == "csv") {
    return sim::plan_csv(plan, scenario);
  }
  return sim::plan_text(plan, scenario, context,
                        format == "markdown" ? sim::TextStyle::markdown : sim::TextStyle::terminal,
                        uncertainty);
}

void write_outputs(const Answer& answer, const sim::Scenario& scenario,
                   const std::string& directory) {
  write_files(directory, {{"plan.json", rendered(answer, scenario, "json")},
                          {"plan.md", rendered(answer, scenario, "markdown")},
                          {"designs.csv", rendered(answer, scenario, "csv")}});
}

// What --dry-run says.
std::string forecast(const sim::Scenario& scenario, const std::string& format) {
  const std::size_t count = sim::candidates(scenario).size();
  const std::size_t runs = 14 * count;  // a search takes about so many
  if (!format.starts_with("json")) {
    return fmt::format("{}: valid; {} candidates, about {} simulated runs of {} requests each\n",
                       scenario.file, count, runs, scenario.workload.requests);
  }
  const text::Json json = text::Json::object()
                              .set("schema_version", 1)
                              .set("scenario", scenario.file)
                              .set("valid", true)
                              .set("candidates", count)
                              .set("simulated_runs", runs)
                              .set("requests_per_run", scenario.workload.requests);
  return format == "json" ? json.pretty() : json.line() + "\n";
}

int PlanCommand::run() const {
  const std::filesystem::path path =
      scenario ? std::filesystem::path(*scenario) : default_scenario();
  const sim::Scenario loaded = sim::load_scenario(path, {.seed = common.seed});
  if (common.print_config) {
    std::cout << print_config(sim::effective_values(loaded, {.seed = common.seed}), common);
    return kOk;
  }
  sim::refuse_unplanned(loaded);
  if (common.dry_run) {
    std::cout << forecast(loaded, common.format);
    return kOk;
  }
  if (!common.output.empty()) {
    check_output(common.output);
  }
  check_draws(loaded, draws);
  handle_interrupts();
  Answer answer{.plan = sim::make_plan(loaded, plan_options(common)), .uncertainty = std::nullopt};
  if (draws > 0) {
    answer.uncertainty =
        sim::uncertainty_of(loaded, answer.plan, draws, plan_options(common, "worlds simulated"));
  }
  stop_if_interrupted();
  // Files first, in case the reader of standard output has gone; the result is shown in any case.
  std::exception_ptr not_written;
  if (!common.output.empty()) {
    try {
      write_outputs(answer, loaded, common.output);
    } catch (...) {
      not_written = std::current_exception();
    }
  }
  std::cout << rendered(answer, loaded, common.format) << std::flush;
  if (not_written) {
    std::rethrow_exception(not_written);
  }
  return answer.plan.recommended ? kOk : kNoFeasiblePlan;
}

}  // namespace

void add_plan(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<PlanCommand>();
  CLI::App* sub = app.add_subcommand(
      "plan", "Recommend how many experts to keep, on how many GPUs, with latency and money");
  sub->add_option("SCENARIO", command->scenario,
                  "Scenario file (YAML); without it, the built-in default scenario");
  add_draws_option(*sub, command->draws);
  add_common_options(*sub, command->common, {"table", "json", "jsonl", "csv", "markdown"});
  sub->footer(
      "Examples:\n"
      "  moeplan plan\n"
      "  moeplan plan scenarios/examples/mixtral_a100_or_h100.yaml --format json -o out\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
