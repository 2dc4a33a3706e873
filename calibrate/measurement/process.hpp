#pragma once
// run_process: one launch of a sweep as a process of its own, ended with all its children when it
// takes too long or when the user stops the sweep.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/units/quantity.hpp"

namespace moeplan::calibrate {

struct ProcessEnd {
  int exit_code = 0;  // 128 + signal where a signal ended it
  bool timed_out = false;
};

struct ProcessOptions {
  std::optional<Seconds> longest;  // then SIGTERM to the whole group, 5 s later SIGKILL
  // A signal to pass on (once, when it becomes non-zero) to the process: it finishes its point.
  std::function<int()> signal = [] { return 0; };
  // Asked every few ms; true ends it as `longest` does: it hangs, as its caller can tell.
  std::function<bool()> hangs = [] { return false; };
  // Then ends what it started and left behind, in whatever group: launchers of ranks make groups
  // and sessions of their own. Only for callers that have no other children.
  bool end_descendants = false;
};

// arguments[0] is looked for in PATH when it has no slash. The process is a group of its own, and
// is killed when this process dies. Throws: std::system_error when it cannot be started.
ProcessEnd run_process(const std::vector<std::string>& arguments,
                       const ProcessOptions& options = {});

// Starts this very program when given to run_process, also when its file was replaced meanwhile.
std::string own_program();

}  // namespace moeplan::calibrate
