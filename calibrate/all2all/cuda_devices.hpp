#pragma once
// Private to calibrate/all2all, in builds with CUDA: what cuda_devices.cpp and nccl_library.cpp
// share. Nothing of it has run on a GPU yet; tests run the same orchestration over planted devices.

#include <cuda_runtime.h>

#include <memory>

#include "calibrate/all2all/nccl_communicator.hpp"

namespace moeplan::calibrate {

// Throws: DeviceError with the runtime's text and the name of the call.
void check_runtime(cudaError_t status, const char* call);

// Of the process's device. Throws: DeviceError where libnccl.so.2 cannot be opened.
std::unique_ptr<NcclCommunicator> open_nccl();

}  // namespace moeplan::calibrate
