#pragma once
// Owners of what the CUDA runtime hands out, and the check of its calls. Host code; only for files
// that are built where nvcc is.

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "calibrate/measurement/device_error.hpp"

namespace moeplan::calibrate {

// Throws: DeviceError with the runtime's text and the calling line.
// (std::source_location is not there for clang with GCC 12's library.)
void cuda_check(cudaError_t status, const char* file = __builtin_FILE(),
                int line = __builtin_LINE());

class DeviceBuffer {
 public:
  explicit DeviceBuffer(std::size_t size) { cuda_check(cudaMalloc(&data_, size)); }
  template <class T>
  explicit DeviceBuffer(const std::vector<T>& values) : DeviceBuffer(values.size() * sizeof(T)) {
    cuda_check(cudaMemcpy(data_, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~DeviceBuffer() { cudaFree(data_); }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  void* data() const { return data_; }
  char* bytes() const { return static_cast<char*>(data_); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
};

// Numbers that a kernel writes and the host reads after a synchronisation.
class MappedNumbers {
 public:
  explicit MappedNumbers(std::size_t count) {
    cuda_check(cudaMallocHost(reinterpret_cast<void**>(&data_), count * sizeof(std::int64_t)));
  }
  ~MappedNumbers() { cudaFreeHost(data_); }
  MappedNumbers(const MappedNumbers&) = delete;
  MappedNumbers& operator=(const MappedNumbers&) = delete;

  std::int64_t* data() const { return data_; }
  std::int64_t operator[](std::size_t i) const { return data_[i]; }

 private:
  std::int64_t* data_ = nullptr;
};

class Event {
 public:
  Event() { cuda_check(cudaEventCreate(&event_)); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// Arrays of pointers on the device, one for each key.
class PointerTable {
 public:
  void** of(const void* key, const std::function<void(std::vector<void*>&)>& fill) {
    std::unique_ptr<DeviceBuffer>& table = tables_[key];
    if (table == nullptr) {
      std::vector<void*> pointers;
      fill(pointers);
      table = std::make_unique<DeviceBuffer>(pointers);
    }
    return table->as<void*>();
  }

 private:
  std::map<const void*, std::unique_ptr<DeviceBuffer>> tables_;
};

}  // namespace moeplan::calibrate
