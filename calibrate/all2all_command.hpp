#pragma once
// The subcommand all2all of moeplan-measure: its flags, and what it prints.

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

namespace moeplan::calibrate {

// code: of the process, set when the subcommand ran. arguments: of this process, for its launches.
void add_all2all(CLI::App& app, int& code, const std::vector<std::string>& arguments);

}  // namespace moeplan::calibrate
