#pragma once
// What every subcommand gets and gives: parsed common options in, exit code out. Only app/ prints.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace moeplan::app {

// One table for every subcommand (house.md 3.3).
enum ExitCode : int {
  kOk = 0,
  kBug = 1,
  kUsage = 2,
  kInvalidInput = 3,
  kNoFeasiblePlan = 4,
  kBelowQuality = 5,
  kDeviceOrIo = 6,
};

struct CommonOptions {
  std::string format = "table";
  std::string output;  // -o; empty: nothing is written
  std::optional<std::uint64_t> seed;
  int threads = 0;  // 0: as many as the machine has
  bool quiet = false;
  bool verbose = false;
  bool dry_run = false;
  bool print_config = false;
  const CLI::App* command = nullptr;  // that has these options

  int thread_count() const;
  // Progress and notes go to stderr: on a terminal, not under CI, not with -q.
  bool shows_progress() const;
};

// Adds --draws N: how many worlds intervals rest on; 0: none are made.
void add_draws_option(CLI::App& command, std::int64_t& draws);

// Adds --format (with the given choices), -o, --seed, --threads, -q, -v, --dry-run, --print-config.
void add_common_options(CLI::App& command, CommonOptions& options,
                        const std::vector<std::string>& formats);

// Each registers its subcommand; on a match `exit_code` is set by its callback.
void add_plan(CLI::App& app, int& exit_code);
void add_pretrain(CLI::App& app, int& exit_code);
void add_simulate(CLI::App& app, int& exit_code);
void add_timeline(CLI::App& app, int& exit_code);
void add_sweep(CLI::App& app, int& exit_code);
void add_merge(CLI::App& app, int& exit_code);
void add_export(CLI::App& app, int& exit_code);
void add_share(CLI::App& app, int& exit_code);
void add_compare(CLI::App& app, int& exit_code);
void add_report(CLI::App& app, int& exit_code);
void add_inspect(CLI::App& app, int& exit_code);
void add_inspect_trace(CLI::App& inspect, int& exit_code);  // below inspect
void add_fit(CLI::App& app, int& exit_code);
void add_import(CLI::App& app, int& exit_code);
void add_import_accuracy(CLI::App& parent, int& exit_code);  // below import
void add_validate(CLI::App& app, int& exit_code);
void add_prune(CLI::App& app, int& exit_code);
void add_gate(CLI::App& app, int& exit_code);
void add_lab(CLI::App& app, int& exit_code);
void add_scorecard(CLI::App& app, int& exit_code);
void add_schema(CLI::App& app, int& exit_code);
void add_completion(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);

extern const char* const kVersion;

}  // namespace moeplan::app
