// moeplan report: a result, or a scenario that it plans first, as one HTML page.

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>

#include "app/interrupt.hpp"
#include "app/plan_progress.hpp"
#include "app/print_config.hpp"
#include "app/subcommand.hpp"
#include "app/write_files.hpp"
#include "models/text/load.hpp"
#include "sim/plan/candidates.hpp"
#include "sim/report/html/page.hpp"
#include "sim/report/plan_json.hpp"
#include "sim/uncertainty/uncertainty.hpp"

namespace moeplan::app {
namespace {

bool is_scenario(const std::string& name) {
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

struct ReportCommand {
  CommonOptions common;
  std::string input;
  std::string validation;
  std::int64_t draws = 0;

  // A result's figures; of a scenario, also its plan as a file.
  struct Loaded {
    sim::ReportContent content;
    std::vector<OutputFile> files;
    bool recommends = true;
  };

  Loaded load() const {
    if (!is_scenario(input)) {
      return {.content = sim::report_content(text::load_json(input)), .files = {}};
    }
    const sim::Scenario scenario = sim::load_scenario(input, {.seed = common.seed});
    check_draws(scenario, draws);
    handle_interrupts();
    const sim::Plan plan = sim::make_plan(scenario, plan_options(common));
    std::optional<sim::Uncertainty> uncertainty;
    if (draws > 0) {
      uncertainty =
          sim::uncertainty_of(scenario, plan, draws, plan_options(common, "worlds simulated"));
    }
    stop_if_interrupted();
    std::string json =
        sim::plan_json(plan, scenario, {kVersion}, uncertainty ? &*uncertainty : nullptr).pretty();
    return {.content = sim::report_content(text::parse_json(json, input)),
            .files = {{"plan.json", std::move(json)}},
            .recommends = plan.recommended.has_value()};
  }

  void check_usage() const {
    if (common.output.empty() && !common.dry_run && !common.print_config) {
      throw CLI::ValidationError("-o", "a report is files: name their directory with -o DIR");
    }
    if (common.seed && !is_scenario(input)) {
      throw CLI::ValidationError("--seed", "this result was drawn already; a scenario takes it");
    }
    if (draws > 0 && !is_scenario(input)) {
      throw CLI::ValidationError("--draws", "this result is made already; a scenario takes it");
    }
  }

  int check_input() const {
    if (!is_scenario(input)) {
      const sim::ReportContent content = sim::report_content(text::load_json(input));
      if (common.print_config) {
        std::cout << printed(option_values(common), option_lines(common), common);
        return kOk;
      }
      std::cout << fmt::format("{}: valid; {}, {} figures\n", input, content.kind,
                               content.figures.size());
      return kOk;
    }
    const sim::Scenario scenario = sim::load_scenario(input, {.seed = common.seed});
    if (common.print_config) {
      std::cout << print_config(sim::effective_values(scenario, {.seed = common.seed}), common);
      return kOk;
    }
    sim::refuse_unplanned(scenario);
    std::cout << fmt::format("{}: valid; {} candidates to plan, then a report\n", input,
                             sim::candidates(scenario).size());
    return kOk;
  }

  std::string summary(const Loaded& loaded) const {
    if (common.format == "json") {
      text::Json figures = text::Json::array();
      for (const sim::ReportFigure& figure : loaded.content.figures) {
        figures.push(text::Json::object().set("id", figure.id).set("title", figure.title));
      }
      text::Json files = text::Json::array();
      for (const OutputFile& file : loaded.files) {
        files.push((std::filesystem::path(common.output) / file.name).string());
      }
      return text::Json::object()
          .set("schema_version", 1)
          .set("kind", loaded.content.kind)
          .set("files", files)
          .set("figures", figures)
          .pretty();
    }
    std::string text;
    for (const OutputFile& file : loaded.files) {
      text += (std::filesystem::path(common.output) / file.name).string() + "\n";
    }
    return text;
  }

  int run() const {
    check_usage();
    if (common.dry_run || common.print_config) {
      return check_input();
    }
    if (!sim::can_draw()) {
      std::cerr << "error[E_IO]: this program was built without what draws the pictures: install "
                   "npm (Debian: apt-get install npm) and run ./moeplan report again, or configure "
                   "with -DMOEPLAN_REPORT=ON; `moeplan plan --format markdown` has the tables\n";
      return kDeviceOrIo;
    }
    check_output(common.output);
    Loaded loaded = load();
    if (!validation.empty()) {
      sim::add_validation(text::load_json(validation), loaded.content);
    }
    loaded.files.insert(loaded.files.begin(),
                        {"report.html", sim::html_page(loaded.content, kVersion)});
    for (sim::SpecFile& spec : sim::spec_files(loaded.content)) {
      loaded.files.push_back({std::move(spec.name), std::move(spec.text)});
    }
    write_files(common.output, loaded.files);
    std::cout << summary(loaded) << std::flush;
    return loaded.recommends ? kOk : kNoFeasiblePlan;
  }
};

}  // namespace

void add_report(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<ReportCommand>();
  CLI::App* sub = app.add_subcommand(
      "report", "One HTML page of a result: pictures, the numbers under them, what they rest on");
  sub->add_option("RESULT", command->input,
                  "Result (JSON) of `moeplan plan`, `simulate`, `compare` or `validate`, or a "
                  "scenario (YAML), "
                  "which is planned first")
      ->required();
  sub->add_option(
      "--validation", command->validation,
      "Adds how the laws fit measured points: the JSON of `moeplan validate --points N`");
  add_draws_option(*sub, command->draws);
  add_common_options(*sub, command->common, {"table", "json"});
  sub->footer(
      "Writes DIR/report.html, which needs no network and nothing beside it, and every picture's\n"
      "Vega-Lite spec as DIR/NAME.vl.json, to restyle; of a scenario also DIR/plan.json.\n"
      "\n"
      "Examples:\n"
      "  moeplan report scenarios/examples/own_or_rent.yaml -o out\n"
      "  moeplan report out/plan.json -o out\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
