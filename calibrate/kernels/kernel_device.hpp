#pragma once
// KernelDevice: builds the timed case of a KernelCase. One contract; known implementations: the CPU
// (cpu_device.cpp, products by OpenBLAS or Eigen) and CUDA (cuda_device.cpp), where it was built.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "calibrate/kernels/kernel_case.hpp"
#include "calibrate/measurement/sweep.hpp"

namespace moeplan::calibrate {

struct DeviceOptions {
  int threads = 0;       // of the CPU; 0: all cores that the process may use
  std::string products;  // implementation of matrix products; "": the first of product_names()
  // Of a CPU: threads that run the same kernel on data of their own meanwhile, as the other ranks
  // of a node do: what one rank gets of the memory's bandwidth depends on them.
  int companions = 0;
  std::string attention;  // of attention_names(); "": the first. cudnn: of CUDA only
};

// unfused (two products around a softmax), cudnn (fused: cudnn_attention.hpp).
const std::vector<std::string>& attention_names();

class KernelDevice {
 public:
  virtual ~KernelDevice() = default;
  // Inputs are filled, weights are there often enough to come from memory in every call (kernels
  // read one copy after the other). Skipped where the device has no such kernel, precision, or not
  // the memory. Throws: DeviceError.
  virtual MadeCase make(const KernelCase& wanted) = 0;
  // The implementation that times a kernel, for SampleOrigin::kernel_source.
  virtual std::string kernel_source(const KernelCase& wanted) const = 0;
  // For the fingerprint: libraries, versions, threads, device.
  virtual std::map<std::string, std::string> fingerprint() const = 0;
  virtual std::vector<models::Precision> precisions() const = 0;
  virtual std::string name() const = 0;  // as its maker writes it
  virtual Bytes memory() const = 0;
  virtual Bytes last_level_cache() const = 0;
  virtual int multiprocessors() const = 0;  // of a CPU: the threads that are used
};

// kind: "cpu" or "cuda". Throws: InputError E_VALUE for other kinds, for products that this build
// has not, for cuda in a build without it, or for cudnn on a CPU; DeviceError where there is no
// such device, or no cuDNN where it is asked for.
std::unique_ptr<KernelDevice> make_device(const std::string& kind, const DeviceOptions& options);

}  // namespace moeplan::calibrate
