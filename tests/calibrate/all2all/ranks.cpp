#include "tests/calibrate/all2all/ranks.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "calibrate/all2all/launcher.hpp"
#include "calibrate/all2all_launches.hpp"

namespace moeplan::tests {

const std::string& why_no_ranks() {
  static const std::string kWhy = [] {
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    if (!calibrate::built_with_mpi()) {
      return std::string("built without MPI");
    }
    std::vector<std::string> command = calibrate::launcher_arguments(launcher(2));
    command.emplace_back("true");
    return run_into(command, "/dev/null") == 0 ? std::string() : "no ranks with: " + launcher(2);
  }();
  return kWhy;
}

std::string launcher(int ranks) { return "mpirun --oversubscribe -n " + std::to_string(ranks); }

int run_into(const std::vector<std::string>& command, const std::string& file) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    std::vector<char*> argv;
    for (const std::string& word : command) {
      argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::vector<pid_t> processes_with(const std::vector<std::string>& words) {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    std::vector<std::string> given;
    for (std::size_t at = 0; at < line.size();) {
      const std::size_t end = std::min(line.find('\0', at), line.size());
      given.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    const bool all = std::all_of(words.begin(), words.end(), [&](const std::string& word) {
      return std::find(given.begin(), given.end(), word) != given.end();
    });
    if (all) {
      out.push_back(std::stoi(name));
    }
  }
  return out;
}

}  // namespace moeplan::tests
