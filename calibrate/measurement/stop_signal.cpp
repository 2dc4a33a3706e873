#include "calibrate/measurement/stop_signal.hpp"

#include <csignal>
#include <initializer_list>

namespace moeplan::calibrate {
namespace {

volatile std::sig_atomic_t first = 0;

extern "C" void on_stop_signal(int signal) {
  if (first == 0) {
    first = signal;
    return;
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

void catch_stop_signals() {
  std::signal(SIGXFSZ, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) {
      action = {};
      action.sa_handler = on_stop_signal;
      action.sa_flags = SA_RESTART;
      ::sigaction(signal, &action, nullptr);
    }
  }
}

int stop_signal() { return first; }

}  // namespace moeplan::calibrate
