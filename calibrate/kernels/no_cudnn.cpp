// CudnnAttention of builds without cuDNN's headers: every call says so.
#include "calibrate/kernels/cudnn_attention.hpp"
#include "calibrate/measurement/device_error.hpp"

namespace moeplan::calibrate {
namespace {

constexpr const char* kWithout =
    "this moeplan-measure was built without cuDNN (CUDA or cudnn.h was not found)";

}  // namespace

struct CudnnAttention::State {};

CudnnAttention::CudnnAttention(void* /*stream*/) { throw DeviceError(kWithout); }

CudnnAttention::~CudnnAttention() = default;

std::string CudnnAttention::version() const { throw DeviceError(kWithout); }

CudnnAttention::Call CudnnAttention::make(const AttentionCase& /*wanted*/, AttentionType /*type*/) {
  throw DeviceError(kWithout);
}

std::string why_not_fused(const AttentionCase& /*wanted*/, AttentionType /*type*/,
                          const std::string& /*described*/) {
  throw DeviceError(kWithout);
}

}  // namespace moeplan::calibrate
