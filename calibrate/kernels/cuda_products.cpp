#include "calibrate/kernels/cuda_products.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

void cublas_check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    throw DeviceError(fmt::format("{}: {}", what, cublasGetStatusString(status)));
  }
}

char* at(char* base, std::int64_t elements) {
  return base + static_cast<std::size_t>(elements) * kHalfBytes;
}

}  // namespace

const std::vector<std::string>& CudaProducts::names() {
  static const std::vector<std::string> kNames = {"cublas_grouped", "cublas_loop"};
  return kNames;
}

CudaProducts::CudaProducts(const std::string& name) : name_(name.empty() ? names().front() : name) {
  if (std::find(names().begin(), names().end(), name_) == names().end()) {
    throw InputError({.code = "E_VALUE",
                      .file = "",
                      .mark = {},
                      .pointer = "",
                      .what = "products of experts that a CUDA device has not",
                      .got = "'" + name_ + "'",
                      .expected = joined(names()),
                      .fix = did_you_mean(name_, names())});
  }
  cuda_check(cudaStreamCreate(&stream_));
  cublas_check(cublasCreate(&handle_), "cublasCreate");
  cublas_check(cublasSetStream(handle_, stream_), "cublasSetStream");
}

CudaProducts::~CudaProducts() {
  cublasDestroy(handle_);
  cudaStreamDestroy(stream_);
}

std::string CudaProducts::version() const {
  int version = 0;
  cublas_check(cublasGetVersion(handle_, &version), "cublasGetVersion");
  return std::to_string(version);
}

// cuBLAS reads matrices column after column, so it sees every matrix transposed.
void CudaProducts::product(std::int64_t m, std::int64_t n, std::int64_t k, const void* in,
                           const void* weights, void* out) {
  const float one = 1.0F;
  const float zero = 0.0F;
  cublas_check(
      cublasGemmEx(handle_, CUBLAS_OP_T, CUBLAS_OP_N, static_cast<int>(n), static_cast<int>(m),
                   static_cast<int>(k), &one, weights, data_type(), static_cast<int>(k), in,
                   data_type(), static_cast<int>(k), &zero, out, data_type(), static_cast<int>(n),
                   CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
      "cublasGemmEx");
}

void CudaProducts::batched(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k,
                           float scale, const void* a, const void* b, bool b_transposed,
                           void* out) {
  const float zero = 0.0F;
  cublas_check(cublasGemmStridedBatchedEx(
                   handle_, b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, CUBLAS_OP_N,
                   static_cast<int>(n), static_cast<int>(m), static_cast<int>(k), &scale, b,
                   data_type(), static_cast<int>(b_transposed ? k : n), n * k, a, data_type(),
                   static_cast<int>(k), m * k, &zero, out, data_type(), static_cast<int>(n), m * n,
                   static_cast<int>(batch), CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
               "cublasGemmStridedBatchedEx");
}

CudaGroup CudaProducts::group_of(const RoutedPairs& routed, std::int64_t columns,
                                 std::int64_t inner) {
  CudaGroup group;
  group.columns = columns;
  group.inner = inner;
  for (std::size_t e = 0; e + 1 < routed.first_of_expert.size(); ++e) {
    const std::int64_t first = routed.first_of_expert[e];
    const std::int64_t rows = routed.first_of_expert[e + 1] - first;
    if (rows > 0) {
      group.experts.push_back(static_cast<std::int64_t>(e));
      group.first.push_back(first);
      group.rows.push_back(rows);
      group.m.push_back(static_cast<int>(columns));
      group.n.push_back(static_cast<int>(rows));
      group.k.push_back(static_cast<int>(inner));
    }
  }
  const std::size_t count = group.experts.size();
  group.transposed.assign(count, CUBLAS_OP_T);
  group.plain.assign(count, CUBLAS_OP_N);
  group.ones.assign(count, 1);
  group.alpha.assign(count, 1.0F);
  group.beta.assign(count, 0.0F);
  group.pointers = std::make_shared<PointerTable>();
  return group;
}

void CudaProducts::grouped(const CudaGroup& g, char* weights, char* in, char* out) {
  const std::size_t count = g.experts.size();
  if (name_ == "cublas_loop") {
    for (std::size_t i = 0; i < count; ++i) {
      product(g.rows[i], g.columns, g.inner, at(in, g.first[i] * g.inner),
              at(weights, g.experts[i] * g.columns * g.inner), at(out, g.first[i] * g.columns));
    }
    return;
  }
  // The pointers for a window of weights are made in its first call, which warms up.
  void** table = g.pointers->of(weights, [&](std::vector<void*>& pointers) {
    for (std::size_t i = 0; i < count; ++i) {
      pointers.push_back(at(weights, g.experts[i] * g.columns * g.inner));
    }
    for (std::size_t i = 0; i < count; ++i) {
      pointers.push_back(at(in, g.first[i] * g.inner));
    }
    for (std::size_t i = 0; i < count; ++i) {
      pointers.push_back(at(out, g.first[i] * g.columns));
    }
  });
  cublas_check(cublasGemmGroupedBatchedEx(
                   handle_, g.transposed.data(), g.plain.data(), g.m.data(), g.n.data(), g.k.data(),
                   g.alpha.data(), table, data_type(), g.k.data(), table + count, data_type(),
                   g.k.data(), g.beta.data(), table + 2 * count, data_type(), g.m.data(),
                   static_cast<int>(count), g.ones.data(), CUBLAS_COMPUTE_32F),
               "cublasGemmGroupedBatchedEx");
}

}  // namespace moeplan::calibrate
