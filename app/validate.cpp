// moeplan validate: measured files against the laws of a profile, or of a data sheet.

#include "calibrate/fitting/validate.hpp"

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "app/find_profile.hpp"
#include "app/import_options.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"

namespace moeplan::app {
namespace {

struct Options {
  CommonOptions common;
  ImportFlags flags;
  std::string profile;
  std::vector<std::string> measured;
  bool fit_half = false;
  bool allow_mismatch = false;
  std::size_t points = 0;
};

int run(const Options& options) {
  const FoundProfile found = find_profile(options.profile);
  const auto files = read_measurements(options.measured, options.flags, true);
  if (options.common.dry_run || options.common.print_config) {
    for (const models::Measurements& file : files) {
      std::cout << file.file << ": " << file.rows() << " rows, sha256 " << file.sha256 << "\n";
    }
    return kOk;
  }
  const models::Fabric inside = models::load_fabric(found.gpu.fabric);
  const std::optional<models::Fabric> between =
      found.gpu.uplink.empty() ? std::nullopt
                               : std::optional(models::load_fabric(found.gpu.uplink));
  const calibrate::Validation validation =
      calibrate::validate(files, found.gpu, inside, between ? &*between : nullptr,
                          found.profile ? &*found.profile : nullptr,
                          {.fit_half = options.fit_half,
                           .allow_other_device = options.allow_mismatch,
                           .points = options.points});
  if (!options.common.quiet) {
    for (const std::string& note : validation.notes) {
      std::cerr << "note: " << note << "\n";
    }
  }
  text::Json json =
      text::Json::object()
          .set("schema_version", 1)
          .set("hardware", found.gpu.id)
          .set("profile", found.profile ? text::Json(found.profile->id) : text::Json());
  json.merge(calibrate::validation_json(validation));
  if (!options.common.output.empty()) {
    text::write_file(options.common.output, json.pretty());
  }
  std::cout << (options.common.format == "json" ? json.pretty()
                                                : calibrate::validation_table(validation));
  return kOk;
}

}  // namespace

FoundProfile find_profile(const std::string& id_or_path) {
  const auto has = [&](const char* folder) {
    const std::vector<std::string> ids = models::catalog_ids(folder);
    return std::find(ids.begin(), ids.end(), id_or_path) != ids.end();
  };
  const bool path = id_or_path.find('/') != std::string::npos || id_or_path.ends_with(".json") ||
                    id_or_path.ends_with(".yaml") || id_or_path.ends_with(".yml");
  if (!path && !has("profiles") && has("gpus")) {
    return {.gpu = models::load_gpu(id_or_path), .profile = std::nullopt};
  }
  if (!path && !has("profiles")) {
    std::vector<std::string> known = models::catalog_ids("gpus");
    for (const std::string& id : models::catalog_ids("profiles")) {
      if (std::find(known.begin(), known.end(), id) == known.end()) {
        known.push_back(id);
      }
    }
    throw InputError({.code = "E_VALUE",
                      .file = "",
                      .mark = {},
                      .pointer = "",
                      .what = "no such profile or hardware",
                      .got = "'" + id_or_path + "'",
                      .expected = "a path, or one of " + joined(known),
                      .fix = did_you_mean(id_or_path, known)});
  }
  models::Profile profile = models::load_profile(models::profile_path(id_or_path));
  return {.gpu = models::load_gpu(profile.hardware), .profile = std::move(profile)};
}

void add_validate(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("validate", "Predicted against measured: how far the cost laws are off");
  const auto options = std::make_shared<Options>();
  add_common_options(*command, options->common, {"table", "json"});
  add_import_options(*command, options->flags);
  command
      ->add_option("--profile", options->profile,
                   "Profile: a file, a shipped id, or a GPU of the catalog (data-sheet laws)")
      ->required();
  command->add_option("--measured", options->measured, "Measurement files")
      ->required()
      ->expected(1, -1);
  command->add_flag("--fit-half", options->fit_half,
                    "Fit one half of the points first, validate the other half");
  command->add_flag("--allow-fingerprint-mismatch", options->allow_mismatch,
                    "Take files of another device than the profile's");
  command
      ->add_option("--points", options->points,
                   "Rows of each family to keep one by one in the JSON, for the pictures of "
                   "`moeplan report`")
      ->check(CLI::Range(0, 2000));
  command->footer(
      std::string(kKnownFormats) +
      "Rows that cannot be read or predicted are skipped and counted. Errors are\n"
      "|predicted / measured - 1|. Without a law of their own source and precision, rows\n"
      "get the law that a plan would take, and the result says which. A held-out shape\n"
      "(leave_one_shape_out) is predicted with one factor from the other shapes.\n"
      "\n"
      "Examples:\n"
      "  moeplan validate --profile h100-sxm --measured moe_perf.csv\n"
      "  moeplan validate --profile b200-sxm --measured moe_perf.csv --fit-half "
      "--format json\n");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace moeplan::app
