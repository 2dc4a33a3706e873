#pragma once
// MatrixProduct: single precision products on the CPU. Known implementations: openblas_product.cpp
// (cblas, where it was found when building) and eigen_product.cpp (one thread).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace moeplan::calibrate {

class MatrixProduct {
 public:
  virtual ~MatrixProduct() = default;
  // c [m x n] = scale * a [m x k] * b [n x k]^T, all row after row with the given distances.
  virtual void times_transposed(std::int64_t m, std::int64_t n, std::int64_t k, float scale,
                                const float* a, std::int64_t a_stride, const float* b,
                                std::int64_t b_stride, float* c, std::int64_t c_stride) = 0;
  // c [m x n] = a [m x k] * b [k x n]
  virtual void times(std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                     std::int64_t a_stride, const float* b, std::int64_t b_stride, float* c,
                     std::int64_t c_stride) = 0;
  // Threads inside one product from now on. Several products may run at once only with 1.
  virtual void set_threads(int threads) = 0;
  virtual int most_threads() const = 0;
  virtual std::string version() const = 0;  // "OpenBLAS 0.3.21 ... Zen"
};

// "openblas" where it was built with, and "eigen"; the first is the usual one.
const std::vector<std::string>& product_names();
// Throws: InputError E_VALUE for other names.
std::unique_ptr<MatrixProduct> make_product(const std::string& name);

std::unique_ptr<MatrixProduct> make_eigen_product();
std::unique_ptr<MatrixProduct> make_openblas_product();  // only where it was built with

}  // namespace moeplan::calibrate
