#pragma once
// The cases of a grid as Google Benchmark's benchmarks with manual time: its filters, repetitions
// and JSON for looking at single kernels. Fits take what the sweep writes, whose stopping rule,
// launches and journal Google Benchmark has not.

#include <ostream>
#include <string>
#include <vector>

#include "calibrate/kernels/kernel_device.hpp"
#include "calibrate/kernels/kernel_grid.hpp"

namespace moeplan::calibrate {

// arguments: --benchmark_... flags of Google Benchmark; out: what it reports. Bytes and FLOP per
// second are counters. A case that the device skips is reported with its reason.
// Throws: InputError E_VALUE for other arguments, and in a build without Google Benchmark.
void run_benchmarks(KernelDevice& device, const KernelGrid& grid,
                    const std::vector<std::string>& arguments, std::ostream& out);

}  // namespace moeplan::calibrate
