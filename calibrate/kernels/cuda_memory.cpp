#include "calibrate/kernels/cuda_memory.hpp"

#include <fmt/format.h>

#include <string>

namespace moeplan::calibrate {

void cuda_check(cudaError_t status, const char* file, int line) {
  if (status == cudaSuccess) {
    return;
  }
  const std::string path = file;
  throw DeviceError(fmt::format("CUDA: {} ({}:{})", cudaGetErrorString(status),
                                path.substr(path.rfind('/') + 1), line));
}

}  // namespace moeplan::calibrate
