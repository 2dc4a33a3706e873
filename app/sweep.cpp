// moeplan sweep: every point of a scenario whose values are lists or ranges, on this machine's
// threads; a part of them with --shard.

#include <cstdlib>
#include <iostream>
#include <memory>

#include "app/interrupt.hpp"
#include "app/sweep_command.hpp"

namespace moeplan::app {
namespace {

int run(const SweepCommand& command) {
  const sim::TaskList tasks = command.tasks();
  if (command.common.print_config) {
    std::cout << sweep_values(command, tasks);
    return kOk;
  }
  const sim::Shard shard =
      sim::shard_from(command.shard, [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
      });
  const int threads = command.common.thread_count();
  if (!command.skip_invalid) {
    check_tasks(tasks, tasks_of(shard, sim::predicted_work(tasks)), threads);
  }
  if (command.common.dry_run) {
    std::cout << sweep_forecast(command, tasks, shard, 1);
    return kOk;
  }
  SweepOutput output(command, tasks, shard);
  handle_interrupts();
  const std::int64_t done = run_sweep(tasks, output.todo(),
                                      {.threads = threads,
                                       .skip_invalid = command.skip_invalid,
                                       .finished = [&](const sim::Row& row) { output.keep(row); },
                                       .progress = progress_line(command.common),
                                       .stop = [] { return caught_signal() != 0; }});
  if (done < static_cast<std::int64_t>(output.todo().size())) {
    output.sync();
    return report_interrupted(command, output, done);
  }
  end_progress_line(command.common);
  print_results(command, output.close(), shard);
  return kOk;
}

}  // namespace

void add_sweep(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<SweepCommand>();
  CLI::App* sub = app.add_subcommand(
      "sweep", "Evaluate every point of a scenario whose values are lists or ranges");
  add_sweep_options(*sub, *command, true);
  sub->footer(
      "Examples:\n"
      "  moeplan sweep scenarios/sweep/traffic_and_answers.yaml\n"
      "  moeplan sweep scenarios/sweep/traffic_and_answers.yaml --shard 0/2 -o out --resume "
      "--format csv\n");
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace moeplan::app
