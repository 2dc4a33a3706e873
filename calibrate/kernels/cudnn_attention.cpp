#include "calibrate/kernels/cudnn_attention.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

#include "calibrate/kernels/cuda_memory.hpp"
#include "calibrate/kernels/cudnn_graph.hpp"
#include "calibrate/measurement/device_error.hpp"

namespace moeplan::calibrate {
namespace {

// A plan with all that its calls need. The numbers' addresses stay where they are.
struct Plan {
  CudnnDescriptor graph;
  CudnnDescriptor plan;
  std::unique_ptr<DeviceBuffer> workspace;
  float scale = 1.0F;
  float lowest = -std::numeric_limits<float>::infinity();
  std::int32_t cached = 0;
  std::int32_t chunk = 0;
  bool masked = false;
};

std::int64_t workspace_bytes(const CudnnDescriptor& plan) {
  std::int64_t bytes = 0;
  std::int64_t count = 0;
  cudnn_calls().check(
      cudnn_calls().get_attribute(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                  CUDNN_TYPE_INT64, 1, &count, &bytes),
      "workspace");
  return bytes;
}

// The plan of the first engine that makes one.
CudnnDescriptor plan_for(const CudnnDescriptor& graph, const CudnnDescriptor& properties) {
  std::string reason;
  for (const CudnnDescriptor& engine : engines_for(graph, properties, reason)) {
    CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, engine);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, properties);
    try {
      plan.finalize("execution plan");
      return plan;
    } catch (const DeviceError& error) {
      reason = error.what();
    }
  }
  throw DeviceError(fmt::format("cuDNN takes no such attention: {}", reason));
}

}  // namespace

struct CudnnAttention::State {
  cudnnHandle_t handle = nullptr;
  ~State() {
    if (handle != nullptr) {
      cudnn_calls().destroy(handle);
    }
  }
};

CudnnAttention::CudnnAttention(void* stream) : state_(std::make_shared<State>()) {
  const CudnnCalls& calls = cudnn_calls();
  calls.check(calls.create(&state_->handle), "cudnnCreate");
  calls.check(calls.set_stream(state_->handle, static_cast<cudaStream_t>(stream)),
              "cudnnSetStream");
}

CudnnAttention::~CudnnAttention() = default;

std::string CudnnAttention::version() const {
  const std::size_t code = cudnn_calls().version();
  return fmt::format("{}.{}.{}", code / 10000, code / 100 % 100, code % 100);
}

CudnnAttention::Call CudnnAttention::make(const AttentionCase& wanted, AttentionType type) {
  const auto made = std::make_shared<Plan>();
  made->graph = attention_graph(wanted, type);
  made->plan = plan_for(made->graph, device_properties(state_->handle));
  const std::int64_t bytes = workspace_bytes(made->plan);
  made->workspace = std::make_unique<DeviceBuffer>(static_cast<std::size_t>(bytes > 0 ? bytes : 1));
  made->scale = 1.0F / std::sqrt(static_cast<float>(wanted.head_dim));
  made->cached = static_cast<std::int32_t>(wanted.history + wanted.chunk);
  made->chunk = static_cast<std::int32_t>(wanted.chunk);
  made->masked = !wanted.decode;
  return [made, state = state_](void* queries, void* keys, void* values, void* out) {
    const std::array<Bound, 8> ids = {Bound::queries, Bound::keys,   Bound::values, Bound::out,
                                      Bound::scale,   Bound::lowest, Bound::cached, Bound::chunk};
    const std::array<void*, 8> addresses = {
        queries, keys, values, out, &made->scale, &made->lowest, &made->cached, &made->chunk};
    const std::int64_t bound = made->masked ? 8 : 5;  // the last three are the mask's
    void* const workspace = made->workspace->data();
    const CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, bound, ids.data());
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, bound, addresses.data());
    pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
    pack.finalize("variant pack");
    cudnn_calls().check(cudnn_calls().execute(state->handle, made->plan.get(), pack.get()),
                        "execute");
  };
}

std::string why_not_fused(const AttentionCase& wanted, AttentionType type,
                          const std::string& described) {
  std::string reason;
  engines_for(attention_graph(wanted, type), device_properties(described), reason);
  return reason;
}

}  // namespace moeplan::calibrate
