#pragma once
// moeplan-measure kernels: what is planned, the launches, and the files that come of them. Nothing
// here prints; main.cpp does.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "calibrate/kernels/kernel_device.hpp"
#include "calibrate/kernels/kernel_grid.hpp"
#include "calibrate/measurement/journal.hpp"
#include "calibrate/measurement/sweep.hpp"

namespace moeplan::calibrate {

struct KernelSweep {
  std::string device = "cpu";
  DeviceOptions options;
  std::string precision;  // "": the device's first
  Seconds budget = seconds(300.0);
  int launches = 3;
  int visits = 2;
  std::uint64_t seed = 1;
  std::string journal;      // path
  std::string counts_file;  // CSV layer,expert,count of measured routing; "": none
  int counts_layer = 0;
};

// The device, the grid and the header that the arguments stand for.
struct PreparedSweep {
  std::unique_ptr<KernelDevice> device;
  KernelGrid grid;
  JournalHeader header;
  Seconds expected;  // of the whole plan
};
// Throws: InputError for wrong names, precisions the device has not, a wrong counts file.
PreparedSweep prepare(const KernelSweep& sweep);

// One launch in this process: visits what the journal lacks of it. Returns an exit code: 0, or
// 128 + signal when it was stopped.
int run_kernel_launch(const KernelSweep& sweep, int launch,
                      const std::function<void(const SweepProgress&)>& progress);

}  // namespace moeplan::calibrate
