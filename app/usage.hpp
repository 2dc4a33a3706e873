#pragma once
// What a user reads after a wrong command line: what was wrong, what would be right, where help is.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace moeplan::app {

// The subcommand that the arguments select (the app itself when none), as "moeplan plan" goes.
const CLI::App* selected(const CLI::App* app);

// "error[E_USAGE]: ...; did you mean '--format'?" for a command line that CLI11 refused.
// arguments: as given, without the program's name.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error,
                        const std::vector<std::string>& arguments);

}  // namespace moeplan::app
