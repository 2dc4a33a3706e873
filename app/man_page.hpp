#pragma once
// ManPage: the manual page moeplan(1) in roff, made from the parser, so that it cannot fall behind.

#include <CLI/CLI.hpp>
#include <string>

namespace moeplan::app {

// Text as roff prints it: backslashes and leading dots or quotes are no requests.
std::string roff_text(const std::string& text);

// The whole page: program, exit codes, and every subcommand with options and examples.
std::string man_page(const CLI::App& app, const std::string& version);

}  // namespace moeplan::app
