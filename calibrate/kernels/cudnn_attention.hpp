#pragma once
// Private to calibrate/kernels: fused attention by cuDNN's graph API; libcudnn.so.9 is opened when
// it is asked for. Causal prompts behind a history and decoding, grouped heads, 16-bit elements.
// cuDNN says without a GPU whether an engine takes a graph, and that is tested for an H100; nothing
// has run on a GPU yet.

#include <functional>
#include <memory>
#include <string>

#include "calibrate/kernels/kernel_case.hpp"

namespace moeplan::calibrate {

enum class AttentionType { bf16, fp16 };

class CudnnAttention {
 public:
  // stream: a cudaStream_t of the process's device. Throws: DeviceError where this build has no
  // cuDNN, where libcudnn.so.9 is missing or older than 9.8, and where there is no GPU.
  explicit CudnnAttention(void* stream);
  ~CudnnAttention();
  CudnnAttention(const CudnnAttention&) = delete;
  CudnnAttention& operator=(const CudnnAttention&) = delete;

  std::string version() const;  // "9.19.0"

  // Queues one call. Addresses on the device: queries and out [sequences x chunk x heads x
  // head_dim], keys and values [sequences x cached x kv_heads x head_dim]; cached is history +
  // chunk, for decoding history.
  using Call = std::function<void(void* queries, void* keys, void* values, void* out)>;
  // Throws: DeviceError with cuDNN's reason where no engine takes the case.
  Call make(const AttentionCase& wanted, AttentionType type);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Needs no GPU: "" where cuDNN has an engine for the case on the device of these properties (JSON,
// as cuDNN describes a device), else its first reason - where it has one and only the driver is
// missing, one that names libcuda. Throws: as CudnnAttention, without a need of a GPU.
std::string why_not_fused(const AttentionCase& wanted, AttentionType type,
                          const std::string& device_properties);

}  // namespace moeplan::calibrate
