#include "app/sweep_command.hpp"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <iostream>

#include "app/interrupt.hpp"
#include "models/text/checked_lines.hpp"
#include "sim/sweep/forecast.hpp"

namespace moeplan::app {
namespace {

InputError in_the_way(const std::filesystem::path& path) {
  return InputError({.code = "E_VALUE",
                     .file = path.string(),
                     .mark = {},
                     .pointer = "-o",
                     .what = "there are results already",
                     .got = "",
                     .expected = "a new folder",
                     .fix = "--resume goes on with them"});
}

// What only runs of requests know.
void refuse_serving_flags(const SweepCommand& command) {
  const std::pair<bool, const char*> flags[] = {{command.replicas != 1, "--replicas"},
                                                {command.requests.has_value(), "--requests"},
                                                {command.common.seed.has_value(), "--seed"}};
  for (const auto& [given, flag] : flags) {
    if (given) {
      throw CLI::ValidationError(flag, "means nothing for a static forward pass");
    }
  }
}

}  // namespace

sim::TaskList SweepCommand::tasks() const {
  sim::TaskList list(scenario, {.version = kVersion,
                                .evaluation = evaluate == "plan" ? sim::Evaluation::plan
                                                                 : sim::Evaluation::simulate,
                                .replicas = replicas,
                                .seed = common.seed,
                                .requests = requests});
  if (list.is_static()) {
    refuse_serving_flags(*this);
  }
  return list;
}

void add_sweep_options(CLI::App& command, SweepCommand& options, bool shards) {
  command
      .add_option("SCENARIO", options.scenario,
                  "Scenario file (YAML) in which values are lists, {each: [...]} or ranges")
      ->required();
  command
      .add_option("--evaluate", options.evaluate,
                  "plan: search the best fleet for every point; simulate: its one design, or its "
                  "static forward pass")
      ->check(CLI::IsMember({"plan", "simulate"}))
      ->capture_default_str();
  command
      .add_option("--replicas", options.replicas,
                  "Engines that share the traffic, with --evaluate simulate")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}))
      ->capture_default_str();
  command
      .add_option("--requests", options.requests,
                  "Arrivals of every run, instead of the scenario's; a tenth is warm-up")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100000000}));
  command.add_flag("--resume", options.resume, "Go on with the results in the output folder");
  command.add_flag("--skip-invalid", options.skip_invalid,
                   "Points whose values do not go together are rows with status invalid, instead "
                   "of an error before the first point");
  if (shards) {
    command
        .add_option("--shard", options.shard,
                    "Do part i of n, counted from 0 (i/n), or what Slurm arrays and Kubernetes "
                    "Indexed Jobs say (auto, auto/n)")
        ->capture_default_str();
  }
  add_common_options(command, options.common, {"table", "json", "jsonl", "csv", "markdown"});
}

SweepOutput::SweepOutput(const SweepCommand& command, const sim::TaskList& tasks,
                         const sim::Shard& shard)
    : info_(tasks.info()), shard_(shard) {
  todo_ = tasks_of(shard, sim::predicted_work(tasks));
  if (command.common.output.empty()) {
    store_.emplace(sim::ResultStore::temporary());
    store_->begin(info_);
    return;
  }
  const std::filesystem::path path = command.common.output;
  folder_.emplace(path);
  std::filesystem::create_directories(path);
  const std::vector<std::filesystem::path> files = folder_->files();
  const std::filesystem::path own = folder_->journal(shard);
  if (!command.resume) {
    for (const std::filesystem::path& file : files) {
      if (file == own || shard.count == 1) {
        throw in_the_way(file);
      }
    }
  }
  std::vector<bool> done(static_cast<std::size_t>(tasks.size()), false);
  for (const std::filesystem::path& file : files) {
    sim::read_results(
        file, [&](const sim::SweepInfo& there) { check_same_sweep(there, info_, file); },
        [&](const sim::Row& row) { done[static_cast<std::size_t>(row.task)] = true; });
  }
  std::erase_if(todo_, [&](std::int64_t task) { return done[static_cast<std::size_t>(task)]; });
  journal_ = std::make_unique<sim::SweepJournal>(own, info_);
}

void SweepOutput::keep(const sim::Row& row) {
  if (journal_) {
    journal_->append(row);
  } else {
    store_->add(row);
  }
}

void SweepOutput::sync() {
  if (journal_) {
    journal_->sync();
  }
}

sim::ResultStore SweepOutput::close() {
  if (!journal_) {
    store_->commit();
    return std::move(*store_);
  }
  journal_->sync();
  journal_.reset();
  sim::ResultStore store = shard_.count == 1
                               ? sim::ResultStore(folder_->store(), sim::ResultStore::Mode::write)
                               : sim::ResultStore::temporary();
  merge_into(store, shard_.count == 1
                        ? folder_->files()
                        : std::vector<std::filesystem::path>{folder_->journal(shard_)});
  return store;
}

std::function<void(const sim::SweepProgress&)> progress_line(const CommonOptions& common) {
  if (!common.shows_progress()) {
    return {};
  }
  using Clock = std::chrono::steady_clock;
  return [shown = Clock::time_point()](const sim::SweepProgress& progress) mutable {
    constexpr std::chrono::milliseconds kEvery{200};
    if (Clock::now() - shown < kEvery && progress.done < progress.total) {
      return;
    }
    shown = Clock::now();
    std::cerr << "\r\033[K" << progress.text() << std::flush;
  };
}

void end_progress_line(const CommonOptions& common) {
  if (common.shows_progress()) {
    std::cerr << "\n";
  }
}

int report_interrupted(const SweepCommand& command, const SweepOutput& output, std::int64_t done) {
  const std::int64_t missing = static_cast<std::int64_t>(output.todo().size()) - done;
  end_progress_line(command.common);
  std::cerr << fmt::format("interrupted: {} points finished, {} are missing; {}\n", done, missing,
                           command.common.output.empty()
                               ? "without -o nothing is kept"
                               : fmt::format("what is done is in {}, the same command with "
                                             "--resume goes on",
                                             command.common.output));
  return 128 + caught_signal();
}

void report_lost_leader(const SweepCommand& command) {
  if (command.common.output.empty()) {
    return;
  }
  const sim::SweepFolder folder(command.common.output);
  try {
    const text::CheckedLines free(folder.journal(sim::Shard{}), "the journal");
    sim::ResultStore store = sim::ResultStore::temporary();
    merge_into(store, folder.files());
    std::cerr << fmt::format("rank 0 has died: {}; the same command with --resume goes on\n",
                             completeness(store));
  } catch (const InputError&) {
    return;  // rank 0 still writes
  }
}

void print_results(const SweepCommand& command, const sim::ResultStore& store,
                   const sim::Shard& shard) {
  const bool table = command.common.format == "table" || command.common.format == "markdown";
  if (shard.count > 1 && !command.common.output.empty() && table) {
    std::cout << fmt::format("shard {}: {} of {} points; moeplan merge {} -o {}\n", shard.text(),
                             store.count(), store.info()->tasks, command.common.output,
                             command.common.output);
    return;
  }
  std::cout << rendered_rows(store, command.common.format) << std::flush;
}

std::string sweep_forecast(const SweepCommand& command, const sim::TaskList& tasks,
                           const sim::Shard& shard, int processes) {
  const std::vector<std::int64_t> own = tasks_of(shard, sim::predicted_work(tasks));
  const int threads = command.common.thread_count() * processes;
  const sim::SweepForecast about = sim::forecast(tasks, own, threads);
  if (command.common.format.starts_with("json")) {
    const text::Json json = text::Json::object()
                                .set("schema_version", 1)
                                .set("scenario", command.scenario)
                                .set("valid", true)
                                .set("points", tasks.size())
                                .set("points_of_shard", about.points)
                                .set("threads", threads)
                                .set("estimated_seconds", about.seconds)
                                .set("estimated_memory_bytes", about.bytes);
    return command.common.format == "json" ? json.pretty() : json.line() + "\n";
  }
  return fmt::format(
      "{}: valid; {} points{}, about {:.3g} s on {} threads and {:.3g} GB\n", command.scenario,
      tasks.size(),
      shard.count > 1 ? fmt::format(", {} of shard {}", about.points, shard.text()) : "",
      about.seconds, threads, about.bytes / 1e9);
}

}  // namespace moeplan::app
