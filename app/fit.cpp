// moeplan fit: measurements of kernels and collectives in, the profile of a device out.

#include <iostream>
#include <memory>

#include "app/import_options.hpp"
#include "calibrate/fitting/fit_profile.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"

namespace moeplan::app {
namespace {

struct FitOptions {
  CommonOptions common;
  ImportFlags flags;
  std::vector<std::string> measurements;
  std::string hardware;
};

int run(const FitOptions& options) {
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
  command->add_option("--measurements", options->measurements, "Measurement files")
      ->required()
      ->expected(1, -1);
  command->add_option("--hardware", options->hardware, "Device they were measured on (catalog id)")
      ->required();
  command->footer(
      std::string(kKnownFormats) +
      "\n"
      "Examples:\n"
      "  moeplan fit --measurements moe.csv gemm.csv --hardware h100-sxm -o h100-sxm.json\n"
      "  moeplan fit --measurements moe.csv --hardware h100-sxm --format json\n");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace moeplan::app
