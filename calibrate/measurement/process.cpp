#include "calibrate/measurement/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <system_error>
#include <thread>

namespace moeplan::calibrate {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr auto kPause = std::chrono::milliseconds(10);
constexpr Seconds kGrace = seconds(5.0);  // between SIGTERM and SIGKILL

Seconds since(SteadyTime begin) {
  return Seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
}

[[noreturn]] void become(const std::vector<std::string>& arguments, int report, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  int error = 0;
  if (::getppid() == parent) {  // it may have died before prctl
    std::vector<char*> argv;
    for (const std::string& argument : arguments) {
      argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    error = errno;
  }
  (void)!::write(report, &error, sizeof error);
  ::kill(::getpid(), SIGKILL);
  for (;;) {
    ::pause();
  }
}

// Kills the children of this process until there are none: those of a killed one become ours.
void end_children() {
  const std::string list = fmt::format("/proc/self/task/{}/children", ::getpid());
  for (;;) {
    std::ifstream children(list);
    pid_t child = 0;
    int found = 0;
    while (children >> child) {
      ++found;
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
    }
    if (found == 0) {
      return;
    }
  }
}

}  // namespace

ProcessEnd run_process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  std::array<int, 2> report{};  // the errno of exec; closed by a successful one
  if (::pipe2(report.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  }
  if (options.end_descendants) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans below become our children
  }
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    become(arguments, report[1], parent);
  }
  const int fork_error = errno;
  ::close(report[1]);
  int error = 0;
  const bool started = child > 0 && ::read(report[0], &error, sizeof error) == 0;
  ::close(report[0]);
  if (!started) {
    if (child > 0) {
      ::waitpid(child, nullptr, 0);
    }
    throw std::system_error(child > 0 ? error : fork_error, std::generic_category(),
                            fmt::format("cannot start {}", arguments[0]));
  }
  const SteadyTime begin = std::chrono::steady_clock::now();
  SteadyTime late = begin;  // when it was told to end
  ProcessEnd end;
  bool killed = false;
  bool passed_on = false;
  int status = 0;
  for (;;) {
    const pid_t found = ::waitpid(child, &status, WNOHANG);
    if (found == child || (found < 0 && errno != EINTR)) {
      break;
    }
    const int signal = options.signal();
    if (signal != 0 && !passed_on) {
      passed_on = true;
      ::kill(child, signal);
    }
    if (!end.timed_out &&
        ((options.longest && since(begin) > *options.longest) || options.hangs())) {
      end.timed_out = true;
      late = std::chrono::steady_clock::now();
      ::kill(-child, SIGTERM);
    }
    if (end.timed_out && !killed && since(late) > kGrace) {
      killed = true;
      ::kill(-child, SIGKILL);
    }
    std::this_thread::sleep_for(kPause);
  }
  if (end.timed_out) {
    ::kill(-child, SIGKILL);  // children that outlived it
  }
  if (options.end_descendants) {
    end_children();
  }
  end.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return end;
}

std::string own_program() { return "/proc/self/exe"; }

}  // namespace moeplan::calibrate
