#pragma once
// DeviceError: a call to the device or to a library of it failed (CUDA, MPI, BLAS). One point of a
// sweep fails with its text; the others go on.

#include <stdexcept>
#include <string>

namespace moeplan::calibrate {

class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace moeplan::calibrate
