// moeplan: the program. One file per subcommand; errors become exit codes in exit_code.cpp.

#include "app/exit_code.hpp"
#include "app/subcommand.hpp"

namespace {

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
  moeplan::app::add_pretrain(app, exit_code);
  moeplan::app::add_simulate(app, exit_code);
  moeplan::app::add_timeline(app, exit_code);
  moeplan::app::add_sweep(app, exit_code);
  moeplan::app::add_merge(app, exit_code);
  moeplan::app::add_export(app, exit_code);
  moeplan::app::add_share(app, exit_code);
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
  moeplan::app::add_completion(app, exit_code);
  moeplan::app::add_doctor(app, exit_code);
  return moeplan::app::parsed(app, argc, argv).value_or(exit_code);
}

}  // namespace

int main(int argc, char** argv) {
  return moeplan::app::exit_code_of([&] { return run(argc, argv); });
}
