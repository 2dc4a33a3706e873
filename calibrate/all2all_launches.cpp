#include "calibrate/all2all_launches.hpp"

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "calibrate/all2all/launcher.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "calibrate/measurement/process.hpp"
#include "calibrate/measurement/stop_signal.hpp"
#include "calibrate/measurement/supervise.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"

namespace moeplan::calibrate {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// Whether a file has stopped growing for longer than allowed.
class GrowthWatch {
 public:
  GrowthWatch(std::filesystem::path path, Seconds longest)
      : path_(std::move(path)), longest_(longest), size_(size()) {}
  bool stalled() {
    const std::uintmax_t now = size();
    if (now != size_) {
      size_ = now;
      since_ = std::chrono::steady_clock::now();
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - since_;
    return spent.count() > longest_.value();
  }

 private:
  std::uintmax_t size() const {
    std::error_code error;
    const std::uintmax_t bytes = std::filesystem::file_size(path_, error);
    return error ? 0 : bytes;
  }
  std::filesystem::path path_;
  Seconds longest_;
  std::uintmax_t size_;
  SteadyTime since_ = std::chrono::steady_clock::now();
};

// SIGINT would make a launcher end its ranks at once; SIGUSR1 it passes on to them, and they finish
// the visit they are in.
int passed_on() { return stop_signal() == 0 ? 0 : SIGUSR1; }

}  // namespace

std::vector<std::string> rank_command(const std::string& launcher,
                                      const std::vector<std::string>& arguments) {
  std::vector<std::string> command = launcher_arguments(launcher);
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe");
  if (!std::filesystem::exists(program)) {
    throw DeviceError(fmt::format("{} was replaced while it ran", program.string()));
  }
  command.push_back(program.string());
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

RankWorld ask_world(const ExchangeSweep& sweep, const std::vector<std::string>& arguments,
                    Seconds longest) {
  const std::string probe = sweep.journal + ".ranks";
  std::filesystem::remove(probe);
  std::vector<std::string> command = rank_command(sweep.launcher, arguments);
  command.insert(command.end(), {"--probe", probe});
  const ProcessEnd end =
      run_process(command, {.longest = longest, .signal = passed_on, .end_descendants = true});
  if (end.exit_code == 3) {
    throw InputError({.code = "E_VALUE",
                      .file = "",
                      .mark = {},
                      .pointer = "--launcher",
                      .what = "the ranks refused to start (they say why above)",
                      .got = sweep.launcher,
                      .expected = "ranks of one build, which can read the same files"});
  }
  if (end.timed_out || end.exit_code != 0 || !std::filesystem::exists(probe)) {
    throw DeviceError(fmt::format(
        "'{}' started no ranks: {}", sweep.launcher,
        end.timed_out        ? fmt::format("no answer after {} s", longest.value())
        : end.exit_code == 0 ? "rank 0 left no answer beside the journal; is its folder shared?"
                             : fmt::format("exit code {}", end.exit_code)));
  }
  RankWorld world = world_from(text::load_json(probe));
  std::filesystem::remove(probe);
  if (!world.problem.empty()) {
    throw DeviceError(world.problem);
  }
  return world;
}

int run_exchange_launches(const ExchangeSweep& sweep, const JournalHeader& header,
                          const std::vector<std::string>& arguments, Seconds longest) {
  const auto run = [&](int launch) {
    std::vector<std::string> command = rank_command(sweep.launcher, arguments);
    command.insert(command.end(), {"--launch", std::to_string(launch)});
    GrowthWatch watch(sweep.journal, longest);
    return run_process(command, {.longest = {},
                                 .signal = passed_on,
                                 .hangs = [&watch] { return watch.stalled(); },
                                 .end_descendants = true});
  };
  return supervise(sweep.journal, header, {.run = run, .signal = stop_signal});
}

}  // namespace moeplan::calibrate
