// OpenBLAS through cblas: kernels chosen for the CPU at run time, threads of its own.
#include <cblas.h>

#include "calibrate/kernels/matrix_product.hpp"
#include "calibrate/measurement/fingerprint.hpp"

namespace moeplan::calibrate {
namespace {

blasint blas(std::int64_t value) { return static_cast<blasint>(value); }

class OpenblasProduct : public MatrixProduct {
 public:
  void times_transposed(std::int64_t m, std::int64_t n, std::int64_t k, float scale, const float* a,
                        std::int64_t a_stride, const float* b, std::int64_t b_stride, float* c,
                        std::int64_t c_stride) override {
    if (m == 1) {  // an engine takes the matrix-vector kernel for one token
      cblas_sgemv(CblasRowMajor, CblasNoTrans, blas(n), blas(k), scale, b, blas(b_stride), a, 1,
                  0.0F, c, 1);
      return;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas(m), blas(n), blas(k), scale, a,
                blas(a_stride), b, blas(b_stride), 0.0F, c, blas(c_stride));
  }
  void times(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t a_stride,
             const float* b, std::int64_t b_stride, float* c, std::int64_t c_stride) override {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, blas(m), blas(n), blas(k), 1.0F, a,
                blas(a_stride), b, blas(b_stride), 0.0F, c, blas(c_stride));
  }
  void set_threads(int threads) override { openblas_set_num_threads(threads); }
  int most_threads() const override { return usable_cores(); }
  std::string version() const override { return openblas_get_config(); }
};

}  // namespace

std::unique_ptr<MatrixProduct> make_openblas_product() {
  return std::make_unique<OpenblasProduct>();
}

}  // namespace moeplan::calibrate
