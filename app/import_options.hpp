#pragma once
// Options that say what a measurement file lacks: shared by import, fit and validate.

#include "app/subcommand.hpp"
#include "calibrate/import/measurements.hpp"

namespace moeplan::app {

struct ImportFlags {
  int ranks = 0;  // 0: not given
  int nodes = 0;
  std::string collective;

  calibrate::ImportOptions options(bool skip_bad_rows) const;
};

void add_import_options(CLI::App& command, ImportFlags& flags);

// All files, in order. skip_bad_rows: see calibrate::ImportOptions.
std::vector<models::Measurements> read_measurements(const std::vector<std::string>& paths,
                                                    const ImportFlags& flags, bool skip_bad_rows);

// "read by" for help texts.
inline constexpr const char* kKnownFormats =
    "Reads tables of aiconfigurator, InferSim, Frontier, LLMServingSim, APEX+ and Vidur, texts of\n"
    "OSU micro-benchmarks, Intel MPI Benchmarks and nccl-tests (also its JSON), and files that\n"
    "moeplan import wrote, mixed. What a text does not say (OSU: ranks) is asked for by --ranks,\n"
    "--nodes, --collective or a file NAME.yaml beside NAME with these keys.\n";

}  // namespace moeplan::app
