#pragma once
// Process: runs a program, mostly the built one, without a shell and keeps what it said.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace moeplan::tests {

struct Finished {
  int exit_code = -1;  // -1: ended by a signal
  int signal = 0;      // that ended it
  std::string out;     // standard output
  std::string err;     // standard error
};

struct RunOptions {
  std::vector<std::pair<std::string, std::string>> environment;  // on top of this process's
  std::filesystem::path directory;                               // to run in; empty: here
  std::size_t file_size_limit = 0;  // RLIMIT_FSIZE with SIGXFSZ ignored; 0: none
  int interrupt = 0;  // signal to send, once the program handles it (SIGKILL: at once)
  int interrupt_after_ms = 0;
  std::function<bool()> interrupt_when;  // asked every millisecond, instead of the time
  bool close_output = false;             // standard output is a pipe that nobody reads
};

// Throws: std::system_error when the program cannot be started; one that does not exist exits 127.
Finished run_program(const std::filesystem::path& program,
                     const std::vector<std::string>& arguments, const RunOptions& options = {});

// The built program.
Finished run_moeplan(const std::vector<std::string>& arguments, const RunOptions& options = {});

}  // namespace moeplan::tests
