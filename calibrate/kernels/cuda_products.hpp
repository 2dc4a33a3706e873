#pragma once
// Private to calibrate/kernels: matrix products by cuBLAS, 16-bit elements, fp32 sums, row after
// row. Host code; only for files that are built where nvcc is.

#include <cublas_v2.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "calibrate/kernels/cpu_kernels.hpp"
#include "calibrate/kernels/cuda_kernels.hpp"
#include "calibrate/kernels/cuda_memory.hpp"

namespace moeplan::calibrate {

inline constexpr std::size_t kHalfBytes = 2;  // of an element

// The products of a layer's experts: one for every expert that has pairs.
struct CudaGroup {
  std::vector<std::int64_t> experts, first, rows;  // that have pairs; their pairs' place and number
  std::int64_t columns = 0;
  std::int64_t inner = 0;
  // Arguments of the grouped call, one entry an expert.
  std::vector<cublasOperation_t> transposed, plain;
  std::vector<int> m, n, k, ones;
  std::vector<float> alpha, beta;
  std::shared_ptr<PointerTable> pointers;  // weights, inputs, outputs, by window of the weights
};

class CudaProducts {
 public:
  // "cublas_grouped": all experts in one cublasGemmGroupedBatchedEx; "cublas_loop": one GEMM each.
  static const std::vector<std::string>& names();
  // "": the first of names(). Throws: InputError E_VALUE for other names; DeviceError.
  explicit CudaProducts(const std::string& name);
  ~CudaProducts();
  CudaProducts(const CudaProducts&) = delete;
  CudaProducts& operator=(const CudaProducts&) = delete;

  const std::string& name() const { return name_; }
  std::string version() const;
  cudaStream_t stream() const { return stream_; }
  Half type() const { return type_; }
  void set_type(Half type) { type_ = type; }

  // out [m x n] = in [m x k] * weights [n x k]^T
  void product(std::int64_t m, std::int64_t n, std::int64_t k, const void* in, const void* weights,
               void* out);
  // For each of `batch`: out [m x n] = scale * a [m x k] * b^T, b [n x k]; or a * b, b [k x n].
  void batched(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k, float scale,
               const void* a, const void* b, bool b_transposed, void* out);
  static CudaGroup group_of(const RoutedPairs& routed, std::int64_t columns, std::int64_t inner);
  // out [pairs x columns] = in [pairs x inner] * weights^T, expert by expert, weights
  // [experts x columns x inner].
  void grouped(const CudaGroup& group, char* weights, char* in, char* out);

 private:
  cudaDataType_t data_type() const { return type_ == Half::bf16 ? CUDA_R_16BF : CUDA_R_16F; }

  std::string name_;
  cudaStream_t stream_ = nullptr;
  cublasHandle_t handle_ = nullptr;
  Half type_ = Half::bf16;
};

}  // namespace moeplan::calibrate
