#include "app/exit_code.hpp"

#include <exception>
#include <iostream>
#include <new>
#include <system_error>
#include <vector>

#include "app/interrupt.hpp"
#include "app/subcommand.hpp"
#include "app/usage.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::app {
namespace {

constexpr std::size_t kProblemsShown = 20;

void print_problems(const InputError& error) {
  std::size_t shown = 0;
  for (const Problem& problem : error.problems()) {
    if (shown++ == kProblemsShown) {
      std::cerr << "... and " << error.problems().size() - kProblemsShown << " more\n";
      break;
    }
    std::cerr << problem.text() << "\n";
  }
}

}  // namespace

int exit_code_of(const std::function<int()>& run) {
  try {
    const int code = run();
    std::cout.flush();
    if (!std::cout) {
      std::cerr << "error[E_IO]: standard output could not be written\n";
      return kDeviceOrIo;
    }
    return code;
  } catch (const Interrupted& interrupted) {
    std::cerr << "\ninterrupted: " << interrupted.left() << "\n";
    return 128 + interrupted.signal();
  } catch (const InputError& error) {
    print_problems(error);
    return kInvalidInput;
  } catch (const std::system_error& error) {
    std::cerr << "error[E_IO]: " << error.what() << "\n";
    return kDeviceOrIo;
  } catch (const std::bad_alloc&) {
    std::cerr << "error[E_NOMEM]: out of memory\n";
    return kDeviceOrIo;
  } catch (const std::exception& error) {
    std::cerr << "bug: " << error.what() << "\nPlease report it with the command line and input.\n";
    return kBug;
  }
}

std::optional<int> parsed(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      return app.exit(error, std::cout, std::cerr);
    }
    // The error last: below a page of help it would be out of sight.
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    std::cerr << app.help() << usage_error(app, error, arguments) << "\n";
    return kUsage;
  }
  return std::nullopt;
}

}  // namespace moeplan::app
