#include "calibrate/measurement/stop_rule.hpp"

#include <algorithm>
#include <cmath>

#include "calibrate/measurement/summary.hpp"

namespace moeplan::calibrate {

StopRule device_rule() { return {}; }

StopRule network_rule() {
  StopRule rule;
  rule.half_width = 0.03;
  return rule;
}

void SampleSet::add(double seconds) {
  in_order_.push_back(seconds);
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), seconds), seconds);
}

bool SampleSet::converged(const StopRule& rule) const {
  if (size() < rule.least) {
    return false;
  }
  const std::optional<MedianInterval> interval = median_interval(sorted_);
  return interval && interval->half_width() <= rule.half_width;
}

void WarmUp::add(double seconds, Seconds spent) {
  ++calls_;
  block_.push_back(seconds);
  if (static_cast<int>(block_.size()) == rule_.warm_block) {
    std::sort(block_.begin(), block_.end());
    const double median = quantile(block_, 0.5);
    settled_ = last_median_ > 0.0 && std::fabs(median / last_median_ - 1.0) < rule_.warm_change;
    last_median_ = median;
    block_.clear();
  }
  warm_ = settled_ && calls_ >= rule_.warm_calls && spent >= rule_.warm_time;
}

}  // namespace moeplan::calibrate
