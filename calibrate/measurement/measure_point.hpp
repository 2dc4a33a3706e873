#pragma once
// measure_point: one visit of one point, from the first call to the last sample. Knows neither
// kernels nor networks: a TimedCase is called, a Clock is read.

#include <cstdint>
#include <string>
#include <vector>

#include "calibrate/measurement/stop_rule.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::calibrate {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Seconds now() = 0;  // monotonic; the origin has no meaning
  virtual void sleep(Seconds duration) = 0;
};
Clock& steady_clock();

// What is measured. Built with its inputs; destroyed after the last sample.
class TimedCase {
 public:
  virtual ~TimedCase() = default;
  // Runs the case once and returns its duration in seconds (where `calls` calls are timed at once,
  // of one of them). Throws: DeviceError.
  virtual double sample() = 0;
  // The last sample was taken while the device ran below its usual rate.
  virtual bool throttled() { return false; }
  // Calls timed together in one sample, for calls too short to be timed alone.
  virtual int calls() const { return 1; }
  // What the reader of the figure must know ("preempted"); goes into the record's flags.
  virtual std::vector<std::string> flags() const { return {}; }
};

enum class PointStatus {
  measured,
  invalid_sample,  // a duration that is not finite, not above zero, or longer than the call took
  throttled,       // under throttle after all rests
  failed,          // the device said so
  skipped,         // not possible here, with the reason
  timeout,         // its launch was ended from outside
};
const std::vector<std::string>& point_status_names();

struct PointOutcome {
  PointStatus status = PointStatus::measured;
  std::string reason;           // of anything but measured
  std::vector<double> samples;  // seconds, in the order taken; empty unless measured
  int calls_per_sample = 1;
  int warm_up_calls = 0;
  std::int64_t discarded_throttle = 0;
  std::vector<std::string> flags;  // unconverged, warm_up_unsettled, and the case's own
  double spent_s = 0.0;            // by the visit
};

// DeviceError of the case becomes `failed` with its text.
PointOutcome measure_point(TimedCase& timed, const StopRule& rule, Clock& clock);

}  // namespace moeplan::calibrate
