// moeplan compare: two results side by side, and what made the difference.

#include "sim/report/compare.hpp"

#include <iostream>
#include <memory>

#include "app/subcommand.hpp"
#include "models/text/load.hpp"

namespace moeplan::app {
namespace {

struct CompareCommand {
  CommonOptions common;
  std::string a;
  std::string b;

  int run() const {
    const sim::Comparison comparison = sim::compare_results(text::load_json(a), text::load_json(b));
    std::string output;
    if (common.format.starts_with("json")) {
      const text::Json json = sim::comparison_json(comparison);
      output = common.format == "json" ? json.pretty() : json.line() + "\n";
    } else {
      output = sim::comparison_text(
          comparison, a, b,
          common.format == "markdown" ? sim::TextStyle::markdown : sim::TextStyle::terminal);
    }
    if (!common.output.empty()) {
      text::write_file(common.output, output);
    }
    std::cout << output << std::flush;
    return kOk;
  }
};

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<CompareCommand>();
  CLI::App* sub =
      app.add_subcommand("compare", "What changed between two results, and which phases carry it");
  sub->add_option("A", command->a, "Result (JSON) of `moeplan simulate` or `moeplan plan`")
      ->required();
  sub->add_option("B", command->b, "Result of the same kind")->required();
  add_common_options(*sub, command->common, {"table", "json", "jsonl", "markdown"});
  sub->footer(
      "Examples:\n"
      "  moeplan compare before.json after.json\n"
      "  moeplan compare a.json b.json --format json\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
