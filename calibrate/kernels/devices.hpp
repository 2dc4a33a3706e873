#pragma once
// Private to calibrate/kernels: the implementations behind make_device.

#include <memory>

#include "calibrate/kernels/kernel_device.hpp"

namespace moeplan::calibrate {

std::unique_ptr<KernelDevice> make_cpu_device(const DeviceOptions& options);
// Only where it was built with (MOEPLAN_HAS_CUDA).
std::unique_ptr<KernelDevice> make_cuda_device(const DeviceOptions& options);

}  // namespace moeplan::calibrate
