#include "calibrate/measurement/measure_point.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "calibrate/measurement/device_error.hpp"

namespace moeplan::calibrate {
namespace {

class SteadyClock : public Clock {
 public:
  Seconds now() override {
    return Seconds(
        std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count());
  }
  void sleep(Seconds duration) override {
    std::this_thread::sleep_for(std::chrono::duration<double>(duration.value()));
  }
};

// Ranks may start before the one that asks, so a sample may be a little longer than the call.
constexpr double kLongestOverCall = 2.0;
constexpr Seconds kCallSlack = seconds(1.0);
constexpr int kThrottledInARow = 2;

class Visit {
 public:
  Visit(TimedCase& timed, const StopRule& rule, Clock& clock)
      : timed_(timed), rule_(rule), clock_(clock) {}

  PointOutcome run() {
    const Seconds begin = clock_.now();
    try {
      if (warm_up()) {
        take_samples();
      }
    } catch (const DeviceError& error) {
      fail(PointStatus::failed, error.what());
    }
    out_.calls_per_sample = timed_.calls();
    const std::vector<std::string> flags = timed_.flags();
    out_.flags.insert(out_.flags.end(), flags.begin(), flags.end());
    out_.spent_s = (clock_.now() - begin).value();
    return std::move(out_);
  }

 private:
  bool fail(PointStatus status, std::string reason) {
    out_.status = status;
    out_.reason = std::move(reason);
    return false;
  }

  // One call; false when its duration cannot be one.
  bool call(double& duration) {
    const Seconds begin = clock_.now();
    duration = timed_.sample();
    const Seconds longest = kLongestOverCall * (clock_.now() - begin) + kCallSlack;
    if (std::isfinite(duration) && duration > 0.0 && duration <= longest.value()) {
      return true;
    }
    return fail(PointStatus::invalid_sample,
                fmt::format("a duration of {} s in call {}", duration, calls_ + 1));
  }

  bool warm_up() {
    const Seconds begin = clock_.now();
    WarmUp warm_up(rule_);
    while (!warm_up.warm()) {
      const Seconds spent = clock_.now() - begin;
      if (warm_up.calls() > 0 && spent >= rule_.warm_longest) {
        out_.flags.emplace_back("warm_up_unsettled");
        break;
      }
      double duration = 0.0;
      if (!call(duration)) {
        return false;
      }
      ++calls_;
      warm_up.add(duration, clock_.now() - begin);
    }
    out_.warm_up_calls = warm_up.calls();
    return true;
  }

  // False when the point is given up.
  bool rest() {
    if (++in_a_row_ <= kThrottledInARow) {
      return true;
    }
    if (rests_ == rule_.most_rests) {
      return fail(PointStatus::throttled, fmt::format("{} samples under throttle, {} rests",
                                                      out_.discarded_throttle, rests_));
    }
    clock_.sleep(rule_.rest * std::exp2(rests_++));
    return true;
  }

  void take_samples() {
    const Seconds begin = clock_.now();
    SampleSet samples;
    while (!samples.converged(rule_)) {
      const bool late = clock_.now() - begin >= rule_.longest;
      if (samples.size() > 0 && (late || samples.size() >= rule_.most)) {
        out_.flags.emplace_back("unconverged");
        break;
      }
      double duration = 0.0;
      if (!call(duration)) {
        return;
      }
      ++calls_;
      if (timed_.throttled()) {
        ++out_.discarded_throttle;
        if (!rest()) {
          return;
        }
        continue;
      }
      in_a_row_ = 0;
      samples.add(duration);
    }
    out_.samples = samples.in_order();
  }

  TimedCase& timed_;
  const StopRule& rule_;
  Clock& clock_;
  PointOutcome out_;
  int calls_ = 0;
  int in_a_row_ = 0;  // throttled
  int rests_ = 0;
};

}  // namespace

Clock& steady_clock() {
  static SteadyClock clock;
  return clock;
}

const std::vector<std::string>& point_status_names() {
  static const std::vector<std::string> kNames = {"measured", "invalid_sample", "throttled",
                                                  "failed",   "skipped",        "timeout"};
  return kNames;
}

PointOutcome measure_point(TimedCase& timed, const StopRule& rule, Clock& clock) {
  return Visit(timed, rule, clock).run();
}

}  // namespace moeplan::calibrate
