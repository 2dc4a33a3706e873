// moeplan-measure: measures the machine that it runs on; its files are what `moeplan fit` reads.
// One launch of a sweep is one process of this program, so the sweep calls itself.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <system_error>

#include "calibrate/all2all_command.hpp"
#include "calibrate/cpu_hardware.hpp"
#include "calibrate/import/own_format.hpp"
#include "calibrate/kernel_measurements.hpp"
#include "calibrate/kernels/kernel_benchmarks.hpp"
#include "calibrate/kernels/matrix_product.hpp"
#include "calibrate/measure_kernels.hpp"
#include "calibrate/measurement/combined_point.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "calibrate/measurement/fingerprint.hpp"
#include "calibrate/measurement/process.hpp"
#include "calibrate/measurement/stop_signal.hpp"
#include "calibrate/measurement/supervise.hpp"
#include "calibrate/points_table.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"
#include "models/units/parse.hpp"

namespace moeplan::calibrate {
namespace {

enum ExitCode : int { kOk = 0, kBug = 1, kUsage = 2, kInvalidInput = 3, kDeviceOrIo = 6 };

struct Options {
  KernelSweep sweep;
  std::string budget = "5 min";
  std::string output;
  std::string hardware;
  std::string power;
  std::string format = "table";
  int launch = -1;  // of a process that a sweep started; -1: this one is the sweep
  bool quiet = false;
  bool dry_run = false;
  std::vector<std::string> benchmark_arguments;
};

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool on_terminal() { return isatty(STDERR_FILENO) == 1 && std::getenv("CI") == nullptr; }

void show_progress(const SweepProgress& progress) {
  if (on_terminal()) {
    std::cerr << "\r\033[K" << progress_line(progress).substr(0, 100) << std::flush;
  } else if (progress.done % 50 == 0) {  // a log wants a line now and then
    std::cerr << progress_line(progress) << "\n";
  }
}

void write_results(const Options& options, const PreparedSweep& prepared) {
  const JournalContents journal = read_journal(options.sweep.journal);
  const models::Measurements measured =
      kernel_measurements(journal, prepared.grid, *prepared.device, options.sweep.journal,
                          read_all(options.sweep.journal));
  if (!options.output.empty()) {
    text::write_file(options.output, measurements_text({measured}));
  }
  if (!options.hardware.empty()) {
    text::write_file(options.hardware,
                     cpu_hardware_text(measured, *prepared.device, *parse<kPower>(options.power)));
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

int run_kernels(const Options& options, const std::vector<std::string>& arguments) {
  catch_stop_signals();
  if (options.launch >= 0) {
    return run_kernel_launch(options.sweep, options.launch,
                             options.quiet ? [](const SweepProgress&) {} : show_progress);
  }
  const PreparedSweep prepared = prepare(options.sweep);
  if (!options.quiet) {
    std::cerr << fmt::format("{} of {} points, {} launches of {} visits, about {}; journal {}\n",
                             prepared.header.plan.size(), prepared.grid.points.size(),
                             prepared.header.launches, prepared.header.visits,
                             to_text(prepared.expected), options.sweep.journal);
  }
  if (options.dry_run) {
    for (const std::string& id : prepared.header.plan) {
      std::cout << id << "\n";
    }
    return kOk;
  }
  const auto run = [&](int launch) {
    std::vector<std::string> command = {own_program()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.insert(command.end(), {"--launch", std::to_string(launch)});
    return run_process(command, {.longest = {}, .signal = stop_signal});
  };
  const int code =
      supervise(options.sweep.journal, prepared.header, {.run = run, .signal = stop_signal});
  if (on_terminal() && !options.quiet) {
    std::cerr << "\r\033[K";
  }
  if (code >= 128) {
    std::cerr << fmt::format("stopped; the same command goes on from {}\n", options.sweep.journal);
  }
  if (code == kOk) {
    write_results(options, prepared);
  }
  return code;
}

int run_points(const Options& options) {
  const std::vector<CombinedPoint> points = combine(read_journal(options.sweep.journal));
  if (options.format == "json") {
    text::Json all = text::Json::array();
    for (const CombinedPoint& point : points) {
      all.push(to_json(point));
    }
    std::cout << text::Json::object().set("schema_version", 1).set("points", all).pretty();
  } else {
    std::cout << points_table(points);
  }
  return kOk;
}

int run_kernel_benchmarks(const Options& options) {
  const PreparedSweep prepared = prepare(options.sweep);
  run_benchmarks(*prepared.device, prepared.grid, options.benchmark_arguments, std::cout);
  return kOk;
}

// "20min" as well as "20 min".
std::string check_quantity(std::string& text, const Dim& dim) {
  const std::size_t unit = text.find_first_not_of("0123456789.");
  if (unit != std::string::npos && unit > 0 && text[unit] != ' ') {
    text.insert(unit, " ");
  }
  const ParsedQuantity parsed = parse_quantity(text, dim);
  return !parsed.problem.empty() ? parsed.problem
         : parsed.value > 0.0    ? std::string()
                                 : "must be above zero";
}

void add_device_options(CLI::App& command, Options& options) {
  command.add_option("--device", options.sweep.device, "cpu or cuda")->capture_default_str();
  command.add_option("--precision", options.sweep.precision, "Of weights and activations");
  command.add_option("--threads", options.sweep.options.threads, "Of a CPU; all cores without it")
      ->check(CLI::Range(1, 1024));
  command
      .add_option("--companions", options.sweep.options.companions,
                  "Of a CPU: so many others run the same kernel meanwhile, as ranks of a node do")
      ->check(CLI::Range(0, 1024));
  command.add_option("--products", options.sweep.options.products,
                     "Matrix products of a CPU: " + joined(product_names()));
  command
      .add_option("--attention", options.sweep.options.attention,
                  "Of CUDA: unfused, a stand-in, or cudnn (libcudnn.so.9); shapes that cuDNN does "
                  "not take are skipped")
      ->check(CLI::IsMember(attention_names()));
  command.add_option("--counts", options.sweep.counts_file,
                     "CSV layer,expert,count: measured routing to replay");
  command.add_option("--counts-layer", options.sweep.counts_layer, "The layer of it")
      ->check(CLI::Range(0, 100000));
}

void add_kernels(CLI::App& app, Options& options, int& code,
                 const std::vector<std::string>& arguments) {
  CLI::App* command = app.add_subcommand("kernels", "Time the kernels of MoE layers here");
  add_device_options(*command, options);
  command->add_option("--budget", options.budget, "Time for the whole sweep; chooses its points")
      ->transform(CLI::Validator([](std::string& text) { return check_quantity(text, kTime); }, ""))
      ->capture_default_str();
  command
      ->add_option("--journal", options.sweep.journal,
                   "Every finished visit; the same command goes on from it")
      ->required();
  command->add_option("-o,--output", options.output, "Measurements for moeplan fit");
  CLI::Option* power =
      command->add_option("--power", options.power, "What the CPU draws, for the hardware file")
          ->transform(
              CLI::Validator([](std::string& text) { return check_quantity(text, kPower); }, ""));
  command
      ->add_option("--hardware-file", options.hardware,
                   "Hardware file cpu-NAME.yaml of this CPU, for moeplan fit and scenarios")
      ->needs(power)
      ->check([](const std::string& path) {
        const std::string stem = std::filesystem::path(path).stem().string();
        return stem.starts_with("cpu-") && path.ends_with(".yaml")
                   ? std::string()
                   : std::string("its name is cpu-NAME.yaml: the name becomes the id");
      });
  command->add_option("--launches", options.sweep.launches, "Processes, the blocks of the sweep")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--visits", options.sweep.visits, "Of each point in each launch")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--seed", options.sweep.seed, "Of the order of visits")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{9007199254740992}))
      ->capture_default_str();
  command->add_flag("-q,--quiet", options.quiet, "No progress, no notes");
  command->add_flag("--dry-run", options.dry_run, "Print the points that would be timed");
  command->add_option("--launch", options.launch)->group("");  // set by the sweep itself
  command->callback([&options, &code, &arguments] {
    options.sweep.budget = *parse<kTime>(options.budget);
    code = run_kernels(options, arguments);
  });
  command->footer(
      "Example: the CPU of this machine, its laws, and a plan on it\n"
      "  moeplan-measure kernels --budget 5min --journal cpu.jsonl -o cpu-measured.json \\\n"
      "      --hardware-file cpu-here.yaml --power '150 W'\n"
      "  moeplan fit --hardware cpu-here.yaml --measurements cpu-measured.json -o cpu-laws.json\n"
      "  (scenario) hardware: {gpu: cpu-here.yaml, profile: cpu-laws.json}\n");
}

int run(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  CLI::App app{"moeplan-measure: times kernels on the machine in front of you", "moeplan-measure"};
  app.set_version_flag("--version", "moeplan-measure " + git_version());
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 ok, 1 bug, 2 wrong usage, 3 invalid input, 6 device or I/O failure,\n"
      "130/143 interrupted (after the point that ran).\n");
  Options options;
  int code = kOk;
  add_kernels(app, options, code, arguments);
  add_all2all(app, code, arguments);
  CLI::App* points = app.add_subcommand("points", "What a journal holds, point by point");
  points->add_option("journal", options.sweep.journal)->required();
  points->add_option("--format", options.format)->check(CLI::IsMember({"table", "json"}));
  points->callback([&] { code = run_points(options); });
  CLI::App* benchmarks =
      app.add_subcommand("benchmark", "Single kernels through Google Benchmark, with its flags");
  add_device_options(*benchmarks, options);
  benchmarks->add_option("flags", options.benchmark_arguments, "--benchmark_filter=REGEX, ...");
  benchmarks->allow_extras();
  benchmarks->callback([&] {
    for (const std::string& extra : benchmarks->remaining()) {
      options.benchmark_arguments.push_back(extra);
    }
    code = run_kernel_benchmarks(options);
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      return app.exit(error, std::cout, std::cerr);
    }
    std::cerr << "error[E_USAGE]: " << error.what() << "; see " << app.get_name() << " --help\n";
    return kUsage;
  }
  return code;
}

}  // namespace
}  // namespace moeplan::calibrate

int main(int argc, char** argv) {
  using namespace moeplan::calibrate;
  try {
    const int code = run(argc, argv);
    std::cout.flush();
    if (!std::cout) {
      std::cerr << "error[E_IO]: standard output could not be written\n";
      return kDeviceOrIo;
    }
    return code;
  } catch (const moeplan::InputError& error) {
    for (const moeplan::Problem& problem : error.problems()) {
      std::cerr << problem.text() << "\n";
    }
    return kInvalidInput;
  } catch (const DeviceError& error) {
    std::cerr << "error[E_DEVICE]: " << error.what() << "\n";
    return kDeviceOrIo;
  } catch (const std::system_error& error) {
    std::cerr << "error[E_IO]: " << error.what() << "\n";
    return kDeviceOrIo;
  } catch (const std::bad_alloc&) {
    std::cerr << "error[E_NOMEM]: out of memory\n";
    return kDeviceOrIo;
  } catch (const std::exception& error) {
    std::cerr << "bug: " << error.what() << "\nPlease report it with the command line.\n";
    return kBug;
  }
}
