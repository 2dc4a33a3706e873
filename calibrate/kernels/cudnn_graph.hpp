#pragma once
// Private to calibrate/kernels, in builds with cuDNN's headers: its calls by dlopen, owners of its
// descriptors, and attention as a graph of its operations.

#include <cudnn.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "calibrate/kernels/cudnn_attention.hpp"

namespace moeplan::calibrate {

struct CudnnCalls {
  decltype(&cudnnGetVersion) version;
  decltype(&cudnnGetErrorString) error_string;
  decltype(&cudnnGetLastErrorString) last_error;
  decltype(&cudnnCreate) create;
  decltype(&cudnnDestroy) destroy;
  decltype(&cudnnSetStream) set_stream;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor;
  decltype(&cudnnBackendSetAttribute) set_attribute;
  decltype(&cudnnBackendGetAttribute) get_attribute;
  decltype(&cudnnBackendFinalize) finalize;
  decltype(&cudnnBackendExecute) execute;

  // Throws: DeviceError with the call and the library's own text.
  void check(cudnnStatus_t status, const char* call) const;
};

// Opened once. Throws: DeviceError.
const CudnnCalls& cudnn_calls();

// Owns a descriptor; copies share it.
class CudnnDescriptor {
 public:
  CudnnDescriptor() = default;
  explicit CudnnDescriptor(cudnnBackendDescriptorType_t type);

  cudnnBackendDescriptor_t get() const { return owned_.get(); }
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
           const void* values) const;
  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, T value) const {
    set(name, type, 1, &value);
  }
  void set(cudnnBackendAttributeName_t name, const CudnnDescriptor& other) const;
  void finalize(const char* what) const;

 private:
  std::shared_ptr<void> owned_;
};

// Tensors that a call binds, by unique id.
enum class Bound : std::int64_t { queries = 1, keys, values, out, scale, lowest, cached, chunk };

// out = softmax(mask(scale queries keys^T)) values. Prompts: row i of the chunk sees the history
// and columns up to its own. The mask has operations that decoding has not.
CudnnDescriptor attention_graph(const AttentionCase& wanted, AttentionType type);

// Of a device that is there, resp. described by JSON.
CudnnDescriptor device_properties(cudnnHandle_t handle);
CudnnDescriptor device_properties(const std::string& json);

// Engine configurations that cuDNN offers for the graph, best first; reason: its text where it has
// none.
std::vector<CudnnDescriptor> engines_for(const CudnnDescriptor& graph,
                                         const CudnnDescriptor& properties, std::string& reason);

}  // namespace moeplan::calibrate
