#pragma once
// ExchangeDevices: the GPUs that this process may use for exchanges, and NCCL. What the ranks' side
// asks for; CUDA's answer is cuda_devices(), tests plant their own.

#include <map>
#include <memory>
#include <string>

#include "calibrate/all2all/exchange_memory.hpp"
#include "calibrate/all2all/nccl_communicator.hpp"

namespace moeplan::calibrate {

struct OpenedDevice {
  std::unique_ptr<ExchangeMemory> memory;
  std::string name;    // as the maker writes it
  std::string id;      // of this one device, to see whether two ranks have the same
  double bytes = 0.0;  // of its memory
  std::map<std::string, std::string> settings;  // versions that figures depend on, by key
};

class ExchangeDevices {
 public:
  virtual ~ExchangeDevices() = default;
  // > 0. Throws: DeviceError where no GPU can be used, with the reason.
  virtual int visible() = 0;
  // Device 0 .. visible() - 1 becomes this process's. Throws: DeviceError.
  virtual OpenedDevice open(int device) = 0;
  // For the opened device. Throws: DeviceError where NCCL is not there, with the reason.
  virtual std::unique_ptr<NcclCommunicator> nccl() = 0;
};

// Of this build; without CUDA (or NCCL's header) its calls throw.
ExchangeDevices& cuda_devices();

// Why this build cannot exchange between GPUs at all, resp. not by NCCL; "" where it can. Says
// nothing about the machine.
std::string why_no_devices(bool nccl);

}  // namespace moeplan::calibrate
