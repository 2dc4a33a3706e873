#include "calibrate/all2all/cuda_devices.hpp"

#include <fmt/format.h>

#include "calibrate/all2all/exchange_devices.hpp"
#include "calibrate/measurement/device_error.hpp"

namespace moeplan::calibrate {
namespace {

class CudaMemory : public ExchangeMemory {
 public:
  void* allocate(std::size_t size) override {
    void* address = nullptr;
    check_runtime(cudaMalloc(&address, size), "cudaMalloc");
    return address;
  }
  void release(void* address) override { cudaFree(address); }
  void clear(void* address, std::size_t size) override {
    check_runtime(cudaMemset(address, 0, size), "cudaMemset");
    settle();
  }
  void copy_in(void* to, const void* host, std::size_t size) override {
    check_runtime(cudaMemcpy(to, host, size, cudaMemcpyHostToDevice), "cudaMemcpy");
    settle();
  }
  void copy_out(void* host, const void* from, std::size_t size) override {
    check_runtime(cudaMemcpy(host, from, size, cudaMemcpyDeviceToHost), "cudaMemcpy");
  }
  void* allocate_staging(std::size_t size) override {
    void* host = nullptr;
    check_runtime(cudaMallocHost(&host, size), "cudaMallocHost");
    return host;
  }
  void release_staging(void* host) override { cudaFreeHost(host); }

 private:
  // A call may come back while the device still writes.
  static void settle() { check_runtime(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize"); }
};

class CudaDevices : public ExchangeDevices {
 public:
  int visible() override {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess || count == 0) {
      throw DeviceError(
          fmt::format("no GPU can be used here ({})",
                      status == cudaSuccess ? "CUDA sees none" : cudaGetErrorString(status)));
    }
    return count;
  }
  OpenedDevice open(int device) override {
    check_runtime(cudaSetDevice(device), "cudaSetDevice");
    cudaDeviceProp properties{};
    check_runtime(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    int driver = 0;
    int runtime = 0;
    check_runtime(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
    check_runtime(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
    std::string id;
    for (const char byte : properties.uuid.bytes) {
      id += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    }
    return {.memory = std::make_unique<CudaMemory>(),
            .name = static_cast<const char*>(properties.name),
            .id = id,
            .bytes = static_cast<double>(properties.totalGlobalMem),
            .settings = {{"device_memory_bytes", std::to_string(properties.totalGlobalMem)},
                         {"sm_count", std::to_string(properties.multiProcessorCount)},
                         {"cuda_driver", std::to_string(driver)},
                         {"cuda_runtime", std::to_string(runtime)}}};
  }
  std::unique_ptr<NcclCommunicator> nccl() override {
#ifdef MOEPLAN_HAS_NCCL
    return open_nccl();
#else
    throw DeviceError(why_no_devices(true));
#endif
  }
};

}  // namespace

void check_runtime(cudaError_t status, const char* call) {
  if (status != cudaSuccess) {
    throw DeviceError(fmt::format("{}: {}", call, cudaGetErrorString(status)));
  }
}

ExchangeDevices& cuda_devices() {
  static CudaDevices devices;
  return devices;
}

}  // namespace moeplan::calibrate
