#include "tests/app/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

namespace moeplan::tests {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct Pipe {
  int ends[2];
  Pipe() {
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      fail("pipe");
    }
  }
};

// In the child: only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* argv, const RunOptions& options, int out, int err) {
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  if (options.file_size_limit > 0) {
    std::signal(SIGXFSZ, SIG_IGN);  // then write fails with EFBIG, as on a full disk
    const struct rlimit limit { options.file_size_limit, options.file_size_limit };
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) {
    ::_exit(126);
  }
  for (const auto& [name, value] : options.environment) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  ::execv(argv[0], argv);
  ::_exit(127);
}

// Whether the process has a handler of its own for the signal. A signal that comes before ends it
// as it would any program, however slowly it starts.
bool handles(pid_t process, int signal) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string word; status >> word;) {
    if (word == "SigCgt:") {
      std::uint64_t caught = 0;
      status >> std::hex >> caught;
      return ((caught >> (signal - 1)) & 1U) != 0;
    }
  }
  return false;
}

std::string read_all(int fd) {
  std::string text;
  char buffer[1 << 14];
  for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) != 0;) {
    if (got > 0) {
      text.append(buffer, static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      fail("read");
    }
  }
  ::close(fd);
  return text;
}

}  // namespace

Finished run_moeplan(const std::vector<std::string>& arguments, const RunOptions& options) {
  return run_program(MOEPLAN_PROGRAM, arguments, options);
}

Finished run_program(const std::filesystem::path& program,
                     const std::vector<std::string>& arguments, const RunOptions& options) {
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  const Pipe out;
  const Pipe err;
  if (options.close_output) {
    ::close(out.ends[0]);
  }
  const pid_t child = ::fork();
  if (child < 0) {
    fail("fork");
  }
  if (child == 0) {
    become(argv.data(), options, out.ends[1], err.ends[1]);
  }
  ::close(out.ends[1]);
  ::close(err.ends[1]);
  Finished result;
  std::thread errors([&] { result.err = read_all(err.ends[0]); });
  std::atomic<bool> ended{false};
  std::thread interrupter([&] {
    while (options.interrupt_when && !ended && !options.interrupt_when()) {
      ::usleep(1000);
    }
    while (options.interrupt != 0 && options.interrupt != SIGKILL && !ended &&
           !handles(child, options.interrupt)) {
      ::usleep(1000);
    }
    if (options.interrupt != 0 && !ended) {
      ::usleep(static_cast<useconds_t>(options.interrupt_after_ms) * 1000U);
      ::kill(child, options.interrupt);  // not yet waited for, so the id is still the child's
    }
  });
  if (!options.close_output) {
    result.out = read_all(out.ends[0]);
  }
  errors.join();
  ended = true;  // it has closed its standard error
  interrupter.join();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      fail("waitpid");
    }
  }
  if (WIFEXITED(status)) {
    result.exit_code = WEXITSTATUS(status);
  } else {
    result.signal = WTERMSIG(status);
  }
  return result;
}

}  // namespace moeplan::tests
