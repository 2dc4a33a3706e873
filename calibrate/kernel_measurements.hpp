#pragma once
// The points of a kernel sweep as the rows that fits read.

#include <string>

#include "calibrate/kernels/kernel_device.hpp"
#include "calibrate/kernels/kernel_grid.hpp"
#include "calibrate/measurement/combined_point.hpp"
#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// One row for every measured point; points that were not are counted in `skipped` with their
// reason, flags and launches are in the notes. path, content: of the journal.
models::Measurements kernel_measurements(const JournalContents& journal, const KernelGrid& grid,
                                         const KernelDevice& device, const std::string& path,
                                         const std::string& content);

}  // namespace moeplan::calibrate
