#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>

#include "app/subcommand.hpp"
#include "sim/uncertainty/interval.hpp"

namespace moeplan::app {

const char* const kVersion = "0.1.0";

int CommonOptions::thread_count() const {
  if (threads > 0) {
    return threads;
  }
  const unsigned found = std::thread::hardware_concurrency();
  return found == 0 ? 1 : static_cast<int>(found);
}

bool CommonOptions::shows_progress() const {
  const char* term = std::getenv("TERM");
  return !quiet && isatty(STDERR_FILENO) == 1 && std::getenv("CI") == nullptr &&
         (term == nullptr || std::strcmp(term, "dumb") != 0);
}

void add_draws_option(CLI::App& command, std::int64_t& draws) {
  command
      .add_option("--draws", draws,
                  "Worlds to draw of what is not known (laws, routing, accuracy, prices), for "
                  "intervals, probabilities and what drives them; 0: none, 64 give a first idea")
      ->check([](const std::string& text) {
        std::int64_t value = 0;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, value);
        const bool good = error == std::errc{} && stop == end &&
                          (value == 0 || (value >= sim::kFewestDraws && value <= 100'000));
        return good ? std::string() : "0 or a whole number 20 to 100000, not " + text;
      })
      ->capture_default_str();
}

void add_common_options(CLI::App& command, CommonOptions& options,
                        const std::vector<std::string>& formats) {
  options.command = &command;
  command.add_option("--format", options.format, "Output format")
      ->check(CLI::IsMember(formats))
      ->capture_default_str();
  command
      .add_option("-o,--output", options.output,
                  "Write the results there; nothing is written without it")
      ->check([](const std::string& name) {
        return name.empty() ? std::string("the name of the output is empty") : std::string();
      });
  command
      .add_option("--seed", options.seed,
                  "Seed of every random stream, instead of the scenario's")
      ->check([](const std::string& seed) {                   // -1 would be read as 2^64 - 1
        constexpr std::uint64_t kLargest = 9007199254740992;  // as in a scenario: 2^53
        std::uint64_t value = 0;
        const char* end = seed.data() + seed.size();
        const auto [stop, error] = std::from_chars(seed.data(), end, value);
        const bool good = error == std::errc{} && stop == end && value <= kLargest;
        return good ? std::string() : "a whole number 0 to 9007199254740992, not " + seed;
      });
  command
      .add_option("--threads", options.threads, "Worker threads; the results do not depend on it")
      ->check(CLI::Range(1, 1024));
  command.add_flag("-q,--quiet", options.quiet, "No progress, no notes");
  command.add_flag("-v,--verbose", options.verbose, "More notes on standard error");
  command.add_flag("--dry-run", options.dry_run, "Check the input and say what would be done");
  command.add_flag("--print-config", options.print_config,
                   "Show every value and where it came from, and stop");
}

}  // namespace moeplan::app
