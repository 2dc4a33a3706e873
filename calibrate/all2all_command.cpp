#include "calibrate/all2all_command.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "calibrate/all2all/launcher.hpp"
#include "calibrate/all2all_launches.hpp"
#include "calibrate/all2all_measurements.hpp"
#include "calibrate/import/own_format.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "calibrate/measurement/stop_signal.hpp"
#include "calibrate/points_table.hpp"
#include "models/text/load.hpp"
#include "models/units/parse.hpp"

namespace moeplan::calibrate {
namespace {

struct Options {
  ExchangeSweep sweep;
  std::string budget = "5 min";
  std::string longest = "60 s";
  std::string longest_visit = "10 s";
  std::string smallest = "256 B";
  std::string largest = "16 MiB";
  std::string output;
  std::string probe;
  int launch = -1;
  bool worker = false;
  bool quiet = false;
  bool dry_run = false;
};

void show_progress(const SweepProgress& progress) {
  if (progress.done % 20 == 0) {
    std::cerr << progress_line(progress) << "\n";
  }
}

int run_rank(const Options& options) {
  if (!options.probe.empty()) {
    return answer_world(options.sweep, options.probe, cuda_devices());
  }
  return run_exchange_ranks(
      options.sweep, options.launch, cuda_devices(),
      options.quiet ? [](const SweepProgress&) {} : show_progress,
      [](const std::string& why) { std::cerr << "error[E_DEVICE]: " << why << "\n"; });
}

void write_results(const Options& options, const PreparedExchanges& prepared,
                   const RankWorld& world) {
  const models::Measurements measured =
      exchange_measurements(read_journal(options.sweep.journal), prepared, world,
                            options.sweep.journal, text::read_file(options.sweep.journal));
  if (!options.output.empty()) {
    text::write_file(options.output, measurements_text({measured}));
  }
  if (!options.quiet) {
    for (const std::string& note : measured.notes) {
      std::cerr << "note: " << note << "\n";
    }
    for (const auto& [reason, points] : measured.skipped) {
      std::cerr << "note: " << points << " points are not in the results: " << reason << "\n";
    }
  }
}

int run_sweep(Options& options, std::vector<std::string> arguments) {
  if (!built_with_mpi()) {
    throw DeviceError(
        "this moeplan-measure was built without MPI; install openmpi-bin and libopenmpi-dev (or "
        "another MPI) and build again with MOEPLAN_MPI=ON");
  }
  exchange_way(options.sweep.buffers, options.sweep.transport, "");  // what cannot go together
  if (options.sweep.buffers != "host") {
    const std::string why = why_no_devices(options.sweep.transport == "nccl");
    if (!why.empty()) {
      throw DeviceError(why);
    }
  }
  catch_stop_signals();
  const Seconds longest = *parse<kTime>(options.longest);
  // Ranks may begin elsewhere, and on other hosts.
  options.sweep.journal = std::filesystem::absolute(options.sweep.journal).string();
  arguments.insert(arguments.end(), {"--worker", "--journal", options.sweep.journal});
  launcher_arguments(options.sweep.launcher);  // before anything is started
  std::string matrices;
  if (!options.sweep.matrices.empty()) {
    matrices = text::read_file(options.sweep.matrices);
    options.sweep.matrices = std::filesystem::absolute(options.sweep.matrices).string();
    arguments.insert(arguments.end(), {"--matrices", options.sweep.matrices});
  }
  const RankWorld world = ask_world(options.sweep, arguments, longest);
  const PreparedExchanges prepared = prepare(options.sweep, world, matrices);
  if (!options.quiet) {
    std::cerr << fmt::format(
        "{} ranks on {} nodes; {} of {} points, {} launches of {} visits, about {}; journal {}\n",
        world.ranks(), world.nodes(), prepared.header.plan.size(), prepared.grid.points.size(),
        prepared.header.launches, prepared.header.visits, to_text(prepared.expected),
        options.sweep.journal);
  }
  if (options.dry_run) {
    for (const std::string& id : prepared.header.plan) {
      std::cout << id << "\n";
    }
    return 0;
  }
  const int code = run_exchange_launches(options.sweep, prepared.header, arguments, longest);
  if (code >= 128) {
    std::cerr << fmt::format("stopped; the same command goes on from {}\n", options.sweep.journal);
  }
  if (code == 0) {
    write_results(options, prepared, world);
  }
  return code;
}

// Rewrites "16MiB" as the parser wants it; the message where it is no such quantity above zero.
CLI::Validator quantity(const Dim& dim) {
  return {[dim](std::string& text) {
            const std::size_t unit = text.find_first_not_of("0123456789.eE+- ");
            if (unit != std::string::npos && unit > 0 && text[unit - 1] != ' ') {
              text.insert(unit, " ");
            }
            const ParsedQuantity parsed = parse_quantity(text, dim);
            return !parsed.problem.empty() ? parsed.problem
                   : parsed.value > 0.0    ? std::string()
                                           : std::string("must be above zero");
          },
          ""};
}

}  // namespace

void add_all2all(CLI::App& app, int& code, const std::vector<std::string>& arguments) {
  const auto options = std::make_shared<Options>();
  ExchangeSweep& sweep = options->sweep;
  CLI::App* command = app.add_subcommand(
      "all2all", "Time exchanges between ranks: the launcher starts them, launch after launch");
  command->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  command
      ->add_option("--launcher", sweep.launcher,
                   "What starts ranks, such as 'mpirun -n 4'; no shell reads it")
      ->required();
  command
      ->add_option("--journal", sweep.journal,
                   "Every finished visit; the same command goes on from it. Rank 0 writes it")
      ->required();
  command->add_option("-o,--output", options->output, "Measurements for moeplan fit");
  command->add_option("--launches", sweep.launches, "Launches, the blocks of the sweep")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--visits", sweep.visits, "Of each point in each launch")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--budget", options->budget, "Time for the whole sweep; chooses its points")
      ->transform(quantity(kTime))
      ->capture_default_str();
  command
      ->add_option("--point-timeout", options->longest,
                   "A launch that finishes no visit for so long is ended")
      ->transform(quantity(kTime))
      ->capture_default_str();
  command
      ->add_option("--visit-time", options->longest_visit,
                   "The most time that a point is sampled for in a visit")
      ->transform(quantity(kTime))
      ->capture_default_str();
  command
      ->add_option(
          "--start", sweep.start,
          "window: at one instant of synchronised clocks; barrier; osu: barrier, mean over "
          "ranks; auto: window where every rank has a core")
      ->check(CLI::IsMember({"auto", "window", "barrier", "osu"}))
      ->capture_default_str();
  command
      ->add_option("--buffers", sweep.buffers,
                   "host, or device: a GPU a rank; staged through the host, and so labelled, where "
                   "MPI is not CUDA-aware")
      ->check(CLI::IsMember(buffer_names()))
      ->capture_default_str();
  command->add_option("--transport", sweep.transport, "mpi; nccl: with --buffers device only")
      ->check(CLI::IsMember(transport_names()))
      ->capture_default_str();
  command
      ->add_option(
          "--kinds", sweep.families,
          "Only these: all2allv, pingpong, ...; layer, only where named: whole SMoE layers")
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--patterns", sweep.patterns, "Of all2allv, only these: uniform, ...")
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--smallest", options->smallest, "Bytes of a rank")
      ->transform(quantity(kData))
      ->capture_default_str();
  command->add_option("--largest", options->largest, "Bytes of a rank")
      ->transform(quantity(kData))
      ->capture_default_str();
  command->add_option("--matrices", sweep.matrices,
                      "CSV name,source,destination,bytes: measured traffic to replay");
  command->add_option("--seed", sweep.seed, "Of the order of visits")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{9007199254740992}))
      ->capture_default_str();
  command->add_flag("-q,--quiet", options->quiet, "No progress, no notes");
  command->add_flag("--dry-run", options->dry_run, "Print the points that would be timed");
  command->add_flag("--worker", options->worker)->group("");  // set for the ranks
  command->add_option("--probe", options->probe)->group("");
  command->add_option("--launch", options->launch)->group("");
  command->callback([options, &code, arguments] {
    options->sweep.budget = *parse<kTime>(options->budget);
    options->sweep.longest_visit = *parse<kTime>(options->longest_visit);
    options->sweep.smallest = static_cast<std::int64_t>(parse<kData>(options->smallest)->value());
    options->sweep.largest = static_cast<std::int64_t>(parse<kData>(options->largest)->value());
    code = options->worker ? run_rank(*options) : run_sweep(*options, arguments);
  });
  command->footer(
      "Example: four ranks of this machine, and laws from them\n"
      "  moeplan-measure all2all --launcher 'mpirun -n 4' --launches 5 --journal net.jsonl \\\n"
      "      -o net-measured.json\n"
      "  moeplan fit --hardware cpu-here.yaml --measurements cpu-measured.json net-measured.json "
      "-o laws.json\n");
}

}  // namespace moeplan::calibrate
