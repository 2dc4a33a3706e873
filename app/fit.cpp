// moeplan fit: measurements of kernels and collectives in, the profile of a device out.

#include <iostream>
#include <memory>

#include "app/import_options.hpp"
#include "calibrate/fitting/fit_profile.hpp"
#include "calibrate/fitting/fit_static_forward.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"

namespace moeplan::app {
namespace {

struct FitOptions {
  CommonOptions common;
  ImportFlags flags;
  std::vector<std::string> measurements;
  std::string hardware;
  std::string static_forward;  // printed forward passes, instead of measurements
};

// Printed passes of a training framework: one law, no kernels.
int run_static(const FitOptions& options) {
  const models::PublishedForward published = models::load_published_forward(options.static_forward);
  if (published.hardware != options.hardware) {
    throw InputError({.code = "E_VALUE",
                      .file = published.file,
                      .pointer = "/hardware",
                      .what = "these passes ran on another device than --hardware",
                      .got = published.hardware,
                      .expected = options.hardware});
  }
  if (options.common.dry_run || options.common.print_config) {
    std::cout << published.file << ": " << published.points.size() << " points, sha256 "
              << published.sha256 << "\n";
    return kOk;
  }
  const models::Gpu gpu = models::load_gpu(options.hardware);
  const models::Profile profile =
      calibrate::fit_static_forward(published, gpu, models::load_fabric(gpu.fabric));
  const std::string text = models::profile_text(profile);
  if (!options.common.output.empty()) {
    text::write_file(options.common.output, text);
  }
  std::cout << text;
  return kOk;
}

int run(const FitOptions& options) {
  if (options.measurements.empty() && options.static_forward.empty()) {
    throw CLI::RequiredError("--measurements or --static-forward");
  }
  if (options.hardware.empty()) {
    throw CLI::RequiredError("--hardware");
  }
  if (!options.static_forward.empty()) {
    return run_static(options);
  }
  const models::Gpu gpu = models::load_gpu(options.hardware);
  const std::vector<models::Measurements> files =
      read_measurements(options.measurements, options.flags, false);
  if (options.common.dry_run || options.common.print_config) {
    for (const models::Measurements& file : files) {
      std::cout << file.file << ": " << file.rows() << " rows, sha256 " << file.sha256 << "\n";
    }
    return kOk;
  }
  const calibrate::FittedProfile fitted = calibrate::fit_profile(files, gpu);
  if (!options.common.quiet) {
    for (const std::string& note : fitted.notes) {
      std::cerr << "note: " << note << "\n";
    }
  }
  if (!options.common.output.empty()) {
    text::write_file(options.common.output, models::profile_text(fitted.profile));
  }
  if (options.common.format == "json") {
    std::cout << text::Json::object()
                     .set("schema_version", 1)
                     .set("hardware", gpu.id)
                     .set("families", calibrate::families_json(fitted.families))
                     .pretty();
  } else {
    std::cout << calibrate::families_table(fitted.families);
  }
  return kOk;
}

}  // namespace

void add_fit(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("fit", "Fit the cost laws of a device to measurements of its kernels");
  const auto options = std::make_shared<FitOptions>();
  add_common_options(*command, options->common, {"table", "json"});
  add_import_options(*command, options->flags);
  CLI::Option* measurements =
      command->add_option("--measurements", options->measurements, "Measurement files")
          ->expected(1, -1);
  command
      ->add_option("--static-forward", options->static_forward,
                   "Instead: printed forward passes (id of models/data/published, or a YAML file); "
                   "prints and writes their law")
      ->excludes(measurements);
  command->add_option("--hardware", options->hardware,
                      "Device they were measured on (catalog id, or a path), required");
  command->footer(
      std::string(kKnownFormats) +
      "\n"
      "Examples:\n"
      "  moeplan fit --measurements moe.csv gemm.csv --hardware h100-sxm -o h100-sxm.json\n"
      "  moeplan fit --static-forward sarkar-2024 --hardware a10 -o a10.json\n");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace moeplan::app
