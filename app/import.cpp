// moeplan import: other people's measurement files in, one file of our own format out.

#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "app/import_options.hpp"
#include "calibrate/import/own_format.hpp"
#include "models/text/json.hpp"
#include "models/text/load.hpp"

namespace moeplan::app {
namespace {

struct Options {
  CommonOptions common;
  ImportFlags flags;
  std::vector<std::string> files;
  bool skip_bad_rows = false;
};

text::Json file_json(const models::Measurements& file) {
  text::Json skipped = text::Json::array();
  for (const auto& [why, rows] : file.skipped) {
    skipped.push(text::Json::object().set("reason", why).set("rows", rows));
  }
  return text::Json::object()
      .set("file", file.name)
      .set("sha256", file.sha256)
      .set("source", file.source)
      .set("device", file.device)
      .set("rows", file.rows())
      .set("skipped", std::move(skipped))
      .set("notes", file.notes);
}

int run(const Options& options) {
  const auto files = read_measurements(options.files, options.flags, options.skip_bad_rows);
  const std::string text = calibrate::measurements_text(files);
  if (!options.common.output.empty() && !options.common.dry_run && !options.common.print_config) {
    text::write_file(options.common.output, text);
  }
  if (options.common.format == "json") {
    text::Json list = text::Json::array();
    for (const models::Measurements& file : files) {
      list.push(file_json(file));
    }
    std::cout
        << text::Json::object().set("schema_version", 1).set("files", std::move(list)).pretty();
    return kOk;
  }
  for (const models::Measurements& file : files) {
    std::cout << fmt::format("{}: {} rows, {}{}, sha256 {}\n", file.name, file.rows(), file.source,
                             file.device.empty() ? "" : ", " + file.device, file.sha256);
    for (const auto& [why, rows] : file.skipped) {
      std::cout << fmt::format("  skipped {} rows: {}\n", rows, why);
    }
    for (const std::string& note : file.notes) {
      std::cout << "  " << note << "\n";
    }
  }
  return kOk;
}

}  // namespace

calibrate::ImportOptions ImportFlags::options(bool skip_bad_rows) const {
  calibrate::ImportOptions options;
  options.ranks = ranks > 0 ? std::optional(ranks) : std::nullopt;
  options.nodes = nodes > 0 ? std::optional(nodes) : std::nullopt;
  options.collective = collective;
  options.skip_bad_rows = skip_bad_rows;
  return options;
}

void add_import_options(CLI::App& command, ImportFlags& flags) {
  command.add_option("--ranks", flags.ranks, "Ranks of a collective whose file does not say")
      ->check(CLI::Range(2, 1000000));
  command.add_option("--nodes", flags.nodes, "Nodes that these ranks lie on (default 1)")
      ->check(CLI::Range(1, 1000000));
  command.add_option("--collective", flags.collective,
                     "Operation of an nccl-tests output that does not say: alltoall, all_reduce, "
                     "all_gather, reduce_scatter");
}

std::vector<models::Measurements> read_measurements(const std::vector<std::string>& paths,
                                                    const ImportFlags& flags, bool skip_bad_rows) {
  std::vector<models::Measurements> files;
  for (const std::string& path : paths) {
    files.push_back(calibrate::import_measurements(path, flags.options(skip_bad_rows)));
  }
  return files;
}

void add_import(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "import", "Convert other projects' measurement files to moeplan's own, units stated");
  const auto options = std::make_shared<Options>();
  add_common_options(*command, options->common, {"table", "json"});
  add_import_options(*command, options->flags);
  command->add_option("FILE", options->files, "Measurement files")->expected(1, -1);
  command->add_flag("--skip-bad-rows", options->skip_bad_rows,
                    "Count rows that cannot be read instead of refusing the file");
  command->footer(std::string(kKnownFormats) +
                  "The file that -o writes is read by fit and validate.\n"
                  "\n"
                  "Examples:\n"
                  "  moeplan import osu_alltoall.txt --ranks 8 -o alltoall.json\n"
                  "  moeplan import alltoall_perf.log moe_perf.csv -o measurements.json\n");
  add_import_accuracy(*command, exit_code);
  command->callback([command, options, &exit_code] {
    if (!command->get_subcommands().empty()) {
      return;  // of another kind
    }
    if (options->files.empty()) {
      throw CLI::RequiredError("FILE");
    }
    exit_code = run(*options);
  });
}

}  // namespace moeplan::app
