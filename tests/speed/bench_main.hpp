#pragma once
// What the programs of `./moeplan bench` have in common: the command line and the exit codes.

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "models/text/input_error.hpp"

namespace moeplan::speed {

// Calls print(json) as `--format table|json` says. Exit 2: wrong usage; 3: wrong data; 6: else.
template <class Print>
int bench_main(int argc, char** argv, const char* program, Print print) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool json = arguments == std::vector<std::string>{"--format", "json"};
  if (!arguments.empty() && !json && arguments != std::vector<std::string>{"--format", "table"}) {
    fmt::print(stderr, "usage: {} [--format table|json]\n", program);
    return 2;
  }
  try {
    print(json);
  } catch (const InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 3;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return 6;
  }
  return 0;
}

}  // namespace moeplan::speed
