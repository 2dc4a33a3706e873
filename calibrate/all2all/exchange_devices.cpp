#include "calibrate/all2all/exchange_devices.hpp"

#include "calibrate/measurement/device_error.hpp"

namespace moeplan::calibrate {

std::string why_no_devices([[maybe_unused]] bool nccl) {
#ifndef MOEPLAN_HAS_CUDA
  return "this moeplan-measure was built without CUDA (nvcc was not found), so it has no buffers "
         "on "
         "GPUs";
#else
#ifndef MOEPLAN_HAS_NCCL
  if (nccl) {
    return "this moeplan-measure was built without NCCL (nccl.h was not found)";
  }
#endif
  return "";
#endif
}

#ifndef MOEPLAN_HAS_CUDA

namespace {

class NoDevices : public ExchangeDevices {
 public:
  int visible() override { throw DeviceError(why_no_devices(false)); }
  OpenedDevice open(int /*device*/) override { throw DeviceError(why_no_devices(false)); }
  std::unique_ptr<NcclCommunicator> nccl() override { throw DeviceError(why_no_devices(true)); }
};

}  // namespace

ExchangeDevices& cuda_devices() {
  static NoDevices devices;
  return devices;
}

#endif

}  // namespace moeplan::calibrate
