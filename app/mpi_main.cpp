// moeplan-mpi: moeplan sweep over the ranks of mpirun or srun. Rank 0 writes and prints; what goes
// wrong on one rank alone is said by that rank.
//   mpirun -n 4 build/bin/moeplan-mpi sweep SCENARIO -o DIR

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <thread>

#include "app/exit_code.hpp"
#include "app/interrupt.hpp"
#include "app/subcommand.hpp"
#include "app/sweep_command.hpp"
#include "models/text/input_error.hpp"
#include "sim/sweep/mpi_link.hpp"
#include "sim/sweep/rank_sweep.hpp"

namespace moeplan::app {
namespace {

// Rank 0 keeps its lock for so long after it has said what is missing, so that the others see that
// it has not died. Open MPI waits a second before it kills.
constexpr std::chrono::milliseconds kFarewell{200};

// Every rank does its part of a step and hears whether another could not: then nothing is left to
// do but to end. The lowest rank on which it went wrong says what.
// Returns the exit code then, nothing when all is well.
template <class Step>
std::optional<int> together(sim::MpiLink& link, Step step) {
  std::exception_ptr failure;
  try {
    step();
  } catch (...) {
    failure = std::current_exception();
  }
  const std::optional<int> first = link.first_where(failure != nullptr);
  if (!first) {
    return std::nullopt;
  }
  const int code = *first == link.rank()
                       ? exit_code_of([&]() -> int { std::rethrow_exception(failure); })
                       : int{kOk};
  return link.from(*first, code);
}

void require_same(sim::MpiLink& link, const sim::TaskList& tasks) {
  const std::optional<int> other = link.first_different(tasks.info().digest);
  if (other) {
    throw InputError({.code = "E_VALUE",
                      .file = "",
                      .mark = {},
                      .pointer = "",
                      .what = fmt::format("rank {} has another program or other input files than "
                                          "rank 0",
                                          *other),
                      .got = "",
                      .expected = "the same moeplan-mpi, scenario and catalog on every host",
                      .fix = ""});
  }
}

// Signals of the launcher that ends a run whose rank has died, or of a user.
[[noreturn]] void end_early(int code) {
  std::cout.flush();
  std::cerr.flush();
  std::_Exit(code);  // MPI's own end would wait for ranks that are no more
}

int sweep(const SweepCommand& command, sim::MpiLink& link) {
  const bool leads = link.rank() == 0;
  std::optional<sim::TaskList> tasks;
  if (const auto code = together(link, [&] { tasks.emplace(command.tasks()); })) {
    return *code;
  }
  if (const auto code = together(link, [&] { require_same(link, *tasks); })) {
    return *code;
  }
  if (command.common.print_config) {
    std::cout << (leads ? sweep_values(command, *tasks) : "");
    return kOk;
  }
  const sim::Shard all;
  const sim::Shard own{link.rank(), link.ranks()};
  const int threads = command.common.threads > 0 ? command.common.threads : 1;
  if (const auto code = together(link, [&] {
        if (!command.skip_invalid) {
          check_tasks(*tasks, tasks_of(own, sim::predicted_work(*tasks)), threads);
        }
      })) {
    return *code;
  }
  if (command.common.dry_run) {
    SweepCommand one = command;
    one.common.threads = threads;
    std::cout << (leads ? sweep_forecast(one, *tasks, all, link.ranks()) : "");
    return kOk;
  }
  std::optional<SweepOutput> output;
  if (const auto code = together(link, [&] {
        if (leads) {
          output.emplace(command, *tasks, all);
        }
      })) {
    return *code;
  }
  handle_interrupts();
  sim::RunSweepOptions options{.threads = threads,
                               .skip_invalid = command.skip_invalid,
                               .finished = [&](const sim::Row& row) { output->keep(row); },
                               .progress = progress_line(command.common),
                               .stop = [] { return caught_signal() != 0; }};
  if (!leads) {
    follow_sweep(link, *tasks, options);
    if (caught_signal() != 0) {
      if (link.rank() == 1) {
        report_lost_leader(command);
      }
      end_early(128 + caught_signal());
    }
    return kOk;
  }
  const std::int64_t done = lead_sweep(link, *tasks, output->todo(), options);
  if (done < static_cast<std::int64_t>(output->todo().size())) {
    output->sync();
    const int code = report_interrupted(command, *output, done);
    std::this_thread::sleep_for(kFarewell);
    end_early(code);
  }
  end_progress_line(command.common);
  print_results(command, output->close(), all);
  return kOk;
}

int run(int argc, char** argv, sim::MpiLink& link) {
  CLI::App app{"moeplan-mpi: a sweep over the ranks of mpirun or srun", "moeplan-mpi"};
  app.set_version_flag("--version", std::string("moeplan-mpi ") + kVersion);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: as moeplan.\n\n"
      "Examples:\n"
      "  mpirun -n 4 moeplan-mpi sweep scenarios/sweep/traffic_and_answers.yaml -o out\n"
      "  srun --mpi=pmix moeplan-mpi sweep scenarios/sweep/traffic_and_answers.yaml -o out "
      "--resume\n");
  int exit_code = kOk;
  SweepCommand command;
  CLI::App* sub = app.add_subcommand("sweep", "Evaluate every point, rank 0 writing the results");
  add_sweep_options(*sub, command, false);
  sub->footer("Without --threads, every rank has one.\n" + app.get_footer());
  sub->callback([&] { exit_code = sweep(command, link); });
  if (link.rank() == 0) {
    return parsed(app, argc, argv).value_or(exit_code);
  }
  try {  // rank 0 says what is wrong with the command line
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? int{kOk} : int{kUsage};
  }
  return exit_code;
}

}  // namespace
}  // namespace moeplan::app

int main(int argc, char** argv) {
  using namespace moeplan;
  std::optional<sim::MpiLink> link;
  const int started = app::exit_code_of([&] {
    link.emplace();
    return 0;
  });
  if (started != 0) {
    return started;
  }
  bool ended_well = false;
  const int code = app::exit_code_of([&] {
    const int result = app::run(argc, argv, *link);
    ended_well = true;
    return result;
  });
  if (!ended_well) {  // this rank alone: the others may be waiting for it
    sim::MpiLink::end_all(code);
  }
  link->finish();
  return code;
}
