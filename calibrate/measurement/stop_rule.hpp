#pragma once
// StopRule: when a point is warm and when it has been sampled enough. One rule for devices and
// networks; only the wanted width of the interval differs.

#include <cstdint>
#include <vector>

#include "models/units/quantity.hpp"

namespace moeplan::calibrate {

struct StopRule {
  // Warm: at least so many calls and so long, and the medians of two consecutive blocks of
  // `warm_block` calls differ by less than `warm_change`. Given up (flag warm_up_unsettled) after
  // `warm_longest`.
  int warm_calls = 10;
  Seconds warm_time = milliseconds(200.0);
  int warm_block = 10;
  double warm_change = 0.01;
  Seconds warm_longest = seconds(2.0);
  // Enough: at least so many samples, and MedianInterval::half_width at most `half_width`. Given up
  // (flag unconverged) after `most` samples or `longest`.
  std::int64_t least = 30;
  double half_width = 0.01;
  std::int64_t most = 2000;
  Seconds longest = seconds(10.0);
  // Samples taken under throttle are taken again; after two in a row the device rests, each time
  // twice as long; after so many rests the point is `throttled`.
  int most_rests = 5;
  Seconds rest = milliseconds(50.0);
};

StopRule device_rule();   // half width 1 %
StopRule network_rule();  // half width 3 %

// The samples of a point while they come in, sorted, and whether they are enough.
class SampleSet {
 public:
  void add(double seconds);
  std::int64_t size() const { return static_cast<std::int64_t>(in_order_.size()); }
  // The interval of the median is as narrow as the rule wants it, with at least rule.least samples.
  bool converged(const StopRule& rule) const;
  const std::vector<double>& in_order() const { return in_order_; }  // as they came

 private:
  std::vector<double> in_order_;
  std::vector<double> sorted_;
};

// Fed with every call's duration until the device is warm.
class WarmUp {
 public:
  explicit WarmUp(const StopRule& rule) : rule_(rule) {}
  // spent: since the first call.
  void add(double seconds, Seconds spent);
  bool warm() const { return warm_; }
  int calls() const { return calls_; }

 private:
  StopRule rule_;
  std::vector<double> block_;
  double last_median_ = 0.0;  // of the block before; 0: none yet
  bool settled_ = false;      // the last two blocks agree
  bool warm_ = false;
  int calls_ = 0;
};

}  // namespace moeplan::calibrate
