#pragma once
// Interruption: the first SIGINT or SIGTERM asks the program to stop between two candidates, so
// that nothing is left half-written; the second one ends it at once.

#include <exception>
#include <string>
#include <utility>

namespace moeplan::app {

// Thrown out of a run that was asked to stop; main turns it into 128 + signal.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(int signal, std::string left = "nothing was written")
      : signal_(signal), left_(std::move(left)) {}
  int signal() const { return signal_; }
  // What the run leaves behind, for the user.
  const std::string& left() const { return left_; }
  const char* what() const noexcept override { return "interrupted"; }

 private:
  int signal_;
  std::string left_;
};

// Takes both signals over; the second of either kind has its usual effect. A signal that the caller
// has set to be ignored (nohup) stays ignored.
void handle_interrupts();

// The signal that has come in; 0: none.
int caught_signal();

// Throws: Interrupted when a signal has come in.
void stop_if_interrupted();

}  // namespace moeplan::app
