#pragma once
// A timer and a clock that say what a test plants; nothing waits.

#include <functional>
#include <string>
#include <vector>

#include "calibrate/measurement/measure_point.hpp"

namespace moeplan::tests {

class FakeClock : public calibrate::Clock {
 public:
  Seconds now() override { return now_; }
  void sleep(Seconds duration) override {
    slept.push_back(duration.value());
    now_ += duration;
  }
  void pass(double duration) { now_ += seconds(duration); }
  std::vector<double> slept;

 private:
  Seconds now_;
};

// Call i takes duration(i) seconds, in the figures and on the clock.
class FakeCase : public calibrate::TimedCase {
 public:
  FakeCase(FakeClock& clock, std::function<double(int)> duration)
      : clock_(clock), duration_(std::move(duration)) {}
  double sample() override {
    const double duration = duration_(made++);
    clock_.pass(duration > 0.0 && duration < 1e6 ? duration : 1e-6);
    return duration;
  }
  bool throttled() override { return throttled_at && throttled_at(made - 1); }
  std::function<bool(int)> throttled_at;
  int made = 0;

 private:
  FakeClock& clock_;
  std::function<double(int)> duration_;
};

}  // namespace moeplan::tests
