// moeplan lab: the paper's experiment at laptop scale, from one command.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "app/interrupt.hpp"
#include "app/lab_page.hpp"
#include "app/prune_output.hpp"
#include "app/subcommand.hpp"
#include "models/laboratory/lab_curves.hpp"
#include "models/laboratory/lab_directory.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"

namespace moeplan::app {
namespace {

namespace fs = std::filesystem;

struct LabCommand {
  CommonOptions common;
  bool quick = false;
  bool resume = false;
  std::int64_t seeds = 0;             // 0: as the experiment has it
  std::vector<std::int64_t> experts;  // empty: as the experiment has it

  models::LaboratoryOptions options() const {
    models::LaboratoryOptions options =
        quick ? models::quick_laboratory() : models::full_laboratory();
    options.seed = common.seed.value_or(1);
    options.seeds = seeds > 0 ? seeds : options.seeds;
    if (!experts.empty()) {
      options.pruned = experts;
      std::sort(options.pruned.begin(), options.pruned.end());
      options.sizes.clear();
      for (std::int64_t size = 1; size < options.pruned.back(); size *= 2) {
        options.sizes.push_back(size);
      }
      options.sizes.insert(options.sizes.end(), options.pruned.begin(), options.pruned.end());
      std::sort(options.sizes.begin(), options.sizes.end());
      options.sizes.erase(std::unique(options.sizes.begin(), options.sizes.end()),
                          options.sizes.end());
    }
    return options;
  }

  void progress(std::int64_t done, std::int64_t all) const {
    if (common.shows_progress()) {
      std::cerr << fmt::format("\r\033[Klab: {} of {} parts", done, all) << std::flush;
    }
  }

  models::LabResult measured(const models::LaboratoryOptions& options,
                             models::LabStore* store) const {
    models::LabHooks hooks;
    hooks.step = stop_if_interrupted;
    hooks.part = [this](std::int64_t done, std::int64_t all) { progress(done, all); };
    try {
      models::LabResult result =
          models::run_laboratory(options, store, common.thread_count(), hooks);
      if (common.shows_progress()) {
        std::cerr << "\r\033[K" << std::flush;
      }
      return result;
    } catch (const Interrupted& interrupted) {
      if (store == nullptr) {
        throw;
      }
      throw Interrupted(interrupted.signal(),
                        "finished parts are kept, the same command with --resume goes on");
    }
  }

  void write(const models::LabResult& result, const models::LabFindings& found,
             const Page& page) const {
    const fs::path directory = common.output;
    fs::create_directories(directory / "curves");
    const auto architecture = [](std::int64_t count) {
      return fmt::format("../pretrained/{}/config.json",
                         models::LabDirectory::network_name(0, count));
    };
    for (const models::LabCurve& curve : models::lab_curves(result, found, architecture)) {
      text::write_file(directory / "curves" / (curve.id + ".json"),
                       models::curve_json(curve.file).pretty());
    }
    text::write_file(directory / "rows.csv", lab_rows_csv(result));
    text::write_file(directory / "results.md", render(page, "markdown"));
    text::write_file(directory / "results.json", render(page, "json"));  // the last: all is there
  }

  int run() const {
    const models::LaboratoryOptions chosen = options();
    if (common.print_config) {
      std::cout << chosen.json().pretty();
      return kOk;
    }
    if (resume && common.output.empty()) {
      throw InputError(Problem{.code = "E_VALUE",
                               .what = "--resume goes on with the directory that -o names",
                               .expected = "-o DIR"});
    }
    if (common.dry_run) {
      const std::int64_t parts = chosen.seeds * static_cast<std::int64_t>(chosen.sizes.size()) *
                                 (1 + chosen.problem.tasks);
      std::cout << fmt::format("lab: {} parts over {} seeds\n", parts, chosen.seeds);
      return kOk;
    }
    handle_interrupts();
    std::optional<models::LabDirectory> store;
    if (!common.output.empty()) {
      if (!resume) {
        OutputDirectory::check_free(common.output);
      }
      store.emplace(common.output, chosen, resume);
    }
    const models::LabResult result = measured(chosen, store ? &*store : nullptr);
    const models::LabFindings found = models::findings(result);
    const Page page = lab_page(result, found);
    if (store) {
      write(result, found, page);
    }
    std::cout << render(page, common.format) << std::flush;
    return kOk;
  }
};

}  // namespace

void add_lab(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<LabCommand>();
  CLI::App* sub = app.add_subcommand(
      "lab", "Train, prune and fine-tune small SMoE networks here: where is the threshold?");
  sub->add_flag("--quick", command->quick, "A miniature of seconds instead of minutes");
  sub->add_flag("--resume", command->resume, "Go on with the interrupted experiment in -o");
  sub->add_option("--seeds", command->seeds, "Repetitions, each with a problem of its own")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000}));
  sub->add_option("--experts", command->experts,
                  "Expert counts to pretrain and prune (16,32); smaller powers of 2 are trained "
                  "from scratch beside them")
      ->delimiter(',')
      ->check(CLI::Range(std::int64_t{4}, std::int64_t{256}));
  add_common_options(*sub, command->common, page_formats());
  sub->footer(
      "-o DIR gets results.json, results.md, rows.csv, curves/ (for accuracy.curve), pretrained/\n"
      "(checkpoints for moeplan prune) and router_data/ (for --router-data). Minutes on two "
      "cores;\n"
      "the same bytes for any --threads, and when interrupted and resumed.\n"
      "Examples:\n"
      "  moeplan lab -o lab\n"
      "  moeplan lab --quick --format markdown\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
