#include "app/interrupt.hpp"

#include <csignal>
#include <initializer_list>

namespace moeplan::app {
namespace {

volatile std::sig_atomic_t caught = 0;  // a signal handler can reach nothing else

extern "C" void note_signal(int signal) {
  if (caught != 0) {  // the second one, of either kind: its usual effect, on return from here
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  caught = signal;
}

}  // namespace

void handle_interrupts() {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction old {};
    if (::sigaction(signal, nullptr, &old) != 0 || old.sa_handler == SIG_IGN) {
      continue;
    }
    struct sigaction action {};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  }
}

int caught_signal() { return caught; }

void stop_if_interrupted() {
  if (caught != 0) {
    throw Interrupted(caught);
  }
}

}  // namespace moeplan::app
