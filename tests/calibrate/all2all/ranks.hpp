#pragma once
// Starting ranks in tests, and telling why not.

#include <sys/types.h>

#include <string>
#include <vector>

namespace moeplan::tests {

// "" where mpirun starts two ranks here; else why not, for GTEST_SKIP. Asked once.
const std::string& why_no_ranks();

// "mpirun --oversubscribe -n RANKS", told that root may.
std::string launcher(int ranks);

// Runs a command with its output in a file; returns its exit code (128 + signal).
int run_into(const std::vector<std::string>& command, const std::string& file);

// Processes whose command line has all of these words.
std::vector<pid_t> processes_with(const std::vector<std::string>& words);

}  // namespace moeplan::tests
