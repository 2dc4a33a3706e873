#pragma once
// From errors to what a user reads and an exit code: one table for all programs (house.md 3.3).

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>

namespace moeplan::app {

// Calls run() and gives its exit code; an exception becomes a message on standard error and the
// code for it. Output that could not be written is 6.
int exit_code_of(const std::function<int()>& run);

// Parses the command line, which runs the callback of the subcommand; nothing when that went well,
// else the exit code of what was printed: help, the version, or what is wrong.
std::optional<int> parsed(CLI::App& app, int argc, char** argv);

}  // namespace moeplan::app
