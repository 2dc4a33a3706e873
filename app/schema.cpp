// moeplan schema: the scenario format for editors and people, from the parser's field table.

#include "sim/report/schema.hpp"

#include <iostream>

#include "app/subcommand.hpp"

namespace moeplan::app {

void add_schema(CLI::App& app, int& exit_code) {
  auto format = std::make_shared<std::string>("json");
  CLI::App* sub = app.add_subcommand("schema", "Print the scenario format");
  sub->add_option("--format", *format, "json (JSON Schema draft-07) or markdown (a table)")
      ->check(CLI::IsMember({"json", "markdown"}))
      ->capture_default_str();
  sub->footer(
      "Examples:\n"
      "  moeplan schema\n"
      "  moeplan schema --format markdown\n");
  sub->callback([format, &exit_code] {
    std::cout << (*format == "json" ? sim::scenario_schema() : sim::scenario_field_table());
    exit_code = kOk;
  });
}

}  // namespace moeplan::app
