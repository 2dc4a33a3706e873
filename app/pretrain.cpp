// moeplan pretrain: how many experts to pretrain, given later pruning.

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>

#include "app/interrupt.hpp"
#include "app/plan_progress.hpp"
#include "app/pretrain_page.hpp"
#include "app/subcommand.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "sim/study/run_study.hpp"
#include "sim/study/study_values.hpp"

namespace moeplan::app {
namespace {

struct PretrainCommand {
  CommonOptions common;
  std::optional<std::string> study;

  int run() const;
};

// The built-in study stands beside the catalog, so that a user can read and copy it.
std::filesystem::path built_in_study() {
  return models::data_dir() / "scenarios" / "pretraining.yaml";
}

// What --dry-run says.
Page forecast(const sim::PretrainingStudy& study) {
  const sim::StudyQualities qualities = sim::measured_qualities(study);
  Page page;
  page.title = fmt::format("{}: valid; {} measured options, {} combinations not measured",
                           study.file, qualities.options.size(), qualities.not_measured.size());
  page.json.set("schema_version", 1)
      .set("study", study.file)
      .set("valid", true)
      .set("options", qualities.options.size())
      .set("not_measured", qualities.not_measured.size());
  page.csv = {{"study", "options", "not_measured"},
              {study.file, fmt::format("{}", qualities.options.size()),
               fmt::format("{}", qualities.not_measured.size())}};
  return page;
}

int PretrainCommand::run() const {
  const sim::PretrainingStudy loaded = sim::load_pretraining_study(
      study ? std::filesystem::path(*study) : built_in_study(), common.seed);
  if (common.print_config) {
    std::cout << render(study_values_page(loaded, sim::effective_values(loaded, common.seed)),
                        common.format);
    return kOk;
  }
  if (common.dry_run) {
    std::cout << render(forecast(loaded), common.format);
    return kOk;
  }
  handle_interrupts();
  const sim::StudyResult result = sim::run_study(loaded, plan_options(common));
  stop_if_interrupted();
  const std::string output = render(pretrain_page(loaded, result), common.format);
  if (!common.output.empty()) {
    text::write_file(common.output, output);
  }
  std::cout << output << std::flush;
  return result.recommended ? kOk : kNoFeasiblePlan;
}

}  // namespace

void add_pretrain(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<PretrainCommand>();
  CLI::App* sub = app.add_subcommand(
      "pretrain", "How many experts to pretrain, given later pruning: accuracy, inference, cost");
  sub->add_option("STUDY", command->study,
                  "Study file (YAML); without it, the built-in study of the paper's models");
  add_common_options(*sub, command->common, page_formats());
  sub->footer(
      "The built-in study is models/data/scenarios/pretraining.yaml; copy it and change it.\n"
      "\n"
      "Examples:\n"
      "  moeplan pretrain\n"
      "  moeplan pretrain models/data/scenarios/pretraining.yaml --format json\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
