#pragma once
// What `moeplan sweep` and `moeplan-mpi sweep` share: options, the output folder, what is printed.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/subcommand.hpp"
#include "sim/sweep/merge.hpp"
#include "sim/sweep/run_sweep.hpp"
#include "sim/sweep/sweep_journal.hpp"

namespace moeplan::app {

struct SweepCommand {
  CommonOptions common;
  std::string scenario;
  std::string evaluate = "plan";
  std::int64_t replicas = 1;
  std::optional<std::int64_t> requests;
  std::string shard = "0/1";
  bool resume = false;
  bool skip_invalid = false;

  sim::TaskList tasks() const;
};

// shards: with --shard, for processes that know nothing of each other.
void add_sweep_options(CLI::App& command, SweepCommand& options, bool shards);

// Where rows go: a journal in the output folder, or a store that ends with the process.
class SweepOutput {
 public:
  // Throws: InputError where the folder has results already and --resume is missing, or results of
  // another sweep; std::system_error where it cannot be made.
  SweepOutput(const SweepCommand& command, const sim::TaskList& tasks, const sim::Shard& shard);

  // Of the shard's tasks, those that no journal and no store of the folder has.
  const std::vector<std::int64_t>& todo() const { return todo_; }
  void keep(const sim::Row& row);
  // Throws: std::system_error.
  void sync();
  // To be called once, after the last row: the store of the folder, or that without one.
  // merged: of an unsharded sweep the journals go into the folder's store.
  sim::ResultStore close();

 private:
  std::optional<sim::SweepFolder> folder_;
  sim::SweepInfo info_;
  sim::Shard shard_;
  std::vector<std::int64_t> todo_;
  std::unique_ptr<sim::SweepJournal> journal_;
  std::optional<sim::ResultStore> store_;
};

// The line that moves on a terminal; nothing elsewhere.
std::function<void(const sim::SweepProgress&)> progress_line(const CommonOptions& common);
void end_progress_line(const CommonOptions& common);

// On standard error: what of the shard is missing and how to go on; 130 or 143.
int report_interrupted(const SweepCommand& command, const SweepOutput& output, std::int64_t done);

// On a rank that was told to end: where rank 0, which would say what is missing, has died before it
// could, this says so instead. Its lock on the journal tells.
void report_lost_leader(const SweepCommand& command);

// On standard output: the rows in the wanted format, or what a shard did.
void print_results(const SweepCommand& command, const sim::ResultStore& store,
                   const sim::Shard& shard);

// --print-config: the values of the first point, and what the axes take (sweep_values.cpp).
// Throws: InputError where the first point's values do not go together.
std::string sweep_values(const SweepCommand& command, const sim::TaskList& tasks);
// --dry-run. processes: how many share the work.
std::string sweep_forecast(const SweepCommand& command, const sim::TaskList& tasks,
                           const sim::Shard& shard, int processes);

// Rows as a table for people (at most 50 of them, some columns), csv, json or jsonl.
std::string rendered_rows(const sim::ResultStore& store, const std::string& format);

}  // namespace moeplan::app
