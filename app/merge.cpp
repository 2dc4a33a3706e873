// moeplan merge: results of shards, ranks and earlier runs into one store. moeplan export: a store,
// or what is there of one, as CSV or JSON lines.

#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "app/sweep_command.hpp"
#include "models/text/load.hpp"

namespace moeplan::app {
namespace {

struct MergeCommand {
  CommonOptions common;
  std::vector<std::string> sources;

  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> out;
    for (const std::string& source : sources) {
      for (std::filesystem::path& file : sim::result_files(source)) {
        out.push_back(std::move(file));
      }
    }
    return out;
  }
};

std::string summary(const sim::ResultStore& store, std::size_t files, const std::string& format) {
  if (!format.starts_with("json")) {
    return fmt::format("{} files: {} of {}\n", files, completeness(store), store.info()->scenario);
  }
  const text::Json json = text::Json::object()
                              .set("schema_version", 1)
                              .set("files", files)
                              .set("points", store.info()->tasks)
                              .set("finished", store.count())
                              .set("missing", store.missing(1000))
                              .set("sweep", to_json(*store.info()));
  return format == "json" ? json.pretty() : json.line() + "\n";
}

int merge(const MergeCommand& command) {
  const std::vector<std::filesystem::path> files = command.files();
  std::filesystem::path target = command.common.output;
  if (std::filesystem::is_directory(target)) {
    target = sim::SweepFolder(target).store();
  }
  sim::ResultStore store = target.empty() || command.common.dry_run
                               ? sim::ResultStore::temporary()
                               : sim::ResultStore(target, sim::ResultStore::Mode::write);
  merge_into(store, files);
  std::cout << summary(store, files.size(), command.common.format);
  return kOk;
}

int export_rows(const MergeCommand& command) {
  sim::ResultStore store = sim::ResultStore::temporary();
  merge_into(store, command.files());
  const std::string rows = rendered_rows(store, command.common.format);
  if (store.count() < store.info()->tasks && !command.common.quiet) {
    std::cerr << completeness(store) << "; moeplan sweep with --resume evaluates them\n";
  }
  if (command.common.output.empty()) {
    std::cout << rows << std::flush;
  } else if (!command.common.dry_run) {
    text::write_file(command.common.output, rows);
  }
  return kOk;
}

}  // namespace

void add_merge(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<MergeCommand>();
  CLI::App* sub = app.add_subcommand(
      "merge", "Put results of a sweep's shards into one SQLite store (any number of times)");
  sub->add_option("SOURCE", command->sources, "Folders of moeplan sweep -o, journals, stores")
      ->required();
  add_common_options(*sub, command->common, {"table", "json", "jsonl"});
  sub->footer(
      "Examples:\n"
      "  moeplan merge out -o out\n"
      "  moeplan merge out/shard-0-of-2.jsonl out/shard-1-of-2.jsonl -o results.sqlite\n");
  sub->callback([command, &exit_code] { exit_code = merge(*command); });
}

void add_export(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<MergeCommand>();
  command->common.format = "csv";
  CLI::App* sub = app.add_subcommand(
      "export", "Rows of a sweep in the order of its points, as CSV or JSON lines");
  sub->add_option("SOURCE", command->sources, "Folders of moeplan sweep -o, journals, stores")
      ->required();
  add_common_options(*sub, command->common, {"csv", "jsonl", "json", "table", "markdown"});
  sub->footer(
      "Examples:\n"
      "  moeplan export out\n"
      "  moeplan export results.sqlite --format jsonl -o rows.jsonl\n");
  sub->callback([command, &exit_code] { exit_code = export_rows(*command); });
}

}  // namespace moeplan::app
