// moeplan: the program. One file per subcommand; errors become exit codes here and nowhere else.

#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <system_error>
#include <vector>

#include "app/interrupt.hpp"
#include "app/subcommand.hpp"
#include "app/usage.hpp"
#include "models/text/input_error.hpp"

namespace {

constexpr std::size_t kProblemsShown = 20;

void print_problems(const moeplan::InputError& error) {
  std::size_t shown = 0;
  for (const moeplan::Problem& problem : error.problems()) {
    if (shown++ == kProblemsShown) {
      std::cerr << "... and " << error.problems().size() - kProblemsShown << " more\n";
      break;
    }
    std::cerr << problem.text() << "\n";
  }
}

int run(int argc, char** argv) {
  CLI::App app{"moeplan: how many experts to keep, on how many GPUs, how fast, at what cost",
               "moeplan"};
  app.set_version_flag("--version", std::string("moeplan ") + moeplan::app::kVersion);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 ok, 1 bug, 2 wrong usage, 3 invalid input, 4 no feasible plan,\n"
      "5 below the required quality, 6 device or I/O failure, 130/143 interrupted.\n"
      "\n"
      "Examples:\n"
      "  moeplan plan\n"
      "  moeplan plan --help\n");
  int exit_code = moeplan::app::kOk;
  moeplan::app::add_plan(app, exit_code);
  moeplan::app::add_simulate(app, exit_code);
  moeplan::app::add_timeline(app, exit_code);
  moeplan::app::add_compare(app, exit_code);
  moeplan::app::add_report(app, exit_code);
  moeplan::app::add_inspect(app, exit_code);
  moeplan::app::add_fit(app, exit_code);
  moeplan::app::add_import(app, exit_code);
  moeplan::app::add_validate(app, exit_code);
  moeplan::app::add_prune(app, exit_code);
  moeplan::app::add_gate(app, exit_code);
  moeplan::app::add_lab(app, exit_code);
  moeplan::app::add_scorecard(app, exit_code);
  moeplan::app::add_schema(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      return app.exit(error, std::cout, std::cerr);
    }
    // The error last: below a page of help it would be out of sight.
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    std::cerr << app.help() << moeplan::app::usage_error(app, error, arguments) << "\n";
    return moeplan::app::kUsage;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int code = run(argc, argv);
    std::cout.flush();
    if (!std::cout) {
      std::cerr << "error[E_IO]: standard output could not be written\n";
      return moeplan::app::kDeviceOrIo;
    }
    return code;
  } catch (const moeplan::app::Interrupted& interrupted) {
    std::cerr << "\ninterrupted: " << interrupted.left() << "\n";
    return 128 + interrupted.signal();
  } catch (const moeplan::InputError& error) {
    print_problems(error);
    return moeplan::app::kInvalidInput;
  } catch (const std::system_error& error) {
    std::cerr << "error[E_IO]: " << error.what() << "\n";
    return moeplan::app::kDeviceOrIo;
  } catch (const std::bad_alloc&) {
    std::cerr << "error[E_NOMEM]: out of memory\n";
    return moeplan::app::kDeviceOrIo;
  } catch (const std::exception& error) {
    std::cerr << "bug: " << error.what() << "\nPlease report it with the command line and input.\n";
    return moeplan::app::kBug;
  }
}
