#pragma once
// The sweep that device_ranks runs and device_ranks_test plans: the same on both sides.

#include <string>

#include "calibrate/measure_all2all.hpp"

namespace moeplan::tests {

inline calibrate::ExchangeSweep device_sweep(const std::string& transport,
                                             const std::string& journal) {
  calibrate::ExchangeSweep sweep;
  sweep.start = "barrier";
  sweep.budget = seconds(0.3);
  sweep.longest_visit = seconds(0.05);
  sweep.launches = 1;
  sweep.visits = 1;
  sweep.journal = journal;
  sweep.families = {"all2allv", "allreduce"};
  sweep.patterns = {"uniform"};
  sweep.smallest = 4096;
  sweep.largest = 4096;
  sweep.buffers = "device";
  sweep.transport = transport;
  return sweep;
}

}  // namespace moeplan::tests
