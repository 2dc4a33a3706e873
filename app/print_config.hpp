#pragma once
// --print-config of the subcommands that take scenarios: what every value is and where it came
// from, first those of the scenario and its data files, then the options of the command line.

#include <string>
#include <vector>

#include "app/subcommand.hpp"
#include "models/text/json.hpp"
#include "sim/scenario/effective_values.hpp"

namespace moeplan::app {

// The options of the subcommand that change its answer, as {"--draws": {"value", "from"}}: from is
// "command line" or "default", value null where neither says one. Without those that say where to
// and how to write, and those that are keys of the scenario (--seed, --requests).
text::Json option_values(const CommonOptions& common);
std::string option_lines(const CommonOptions& common);

// In the subcommand's format: json, jsonl, or lines for all others.
std::string printed(const text::Json& json, const std::string& lines, const CommonOptions& common);

// One scenario and the options.
std::string print_config(const sim::EffectiveValues& values, const CommonOptions& common);

}  // namespace moeplan::app
