#include "calibrate/kernels/cuda_memory.hpp"

#include <fmt/format.h>

#include <string>

namespace moeplan::calibrate {

void cuda_check(cudaError_t status, const std::source_location& where) {
  if (status == cudaSuccess) {
    return;
  }
  const std::string file = where.file_name();
  throw DeviceError(fmt::format("CUDA: {} ({}:{})", cudaGetErrorString(status),
                                file.substr(file.rfind('/') + 1), where.line()));
}

}  // namespace moeplan::calibrate
