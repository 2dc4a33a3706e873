// Eigen: no threads of its own in this build, the same code on every machine.
#include <fmt/format.h>

#include <Eigen/Core>

#include "calibrate/kernels/matrix_product.hpp"

namespace moeplan::calibrate {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Stride = Eigen::OuterStride<>;
using ConstMap = Eigen::Map<const Matrix, Eigen::Unaligned, Stride>;
using Map = Eigen::Map<Matrix, Eigen::Unaligned, Stride>;

class EigenProduct : public MatrixProduct {
 public:
  void times_transposed(std::int64_t m, std::int64_t n, std::int64_t k, float scale, const float* a,
                        std::int64_t a_stride, const float* b, std::int64_t b_stride, float* c,
                        std::int64_t c_stride) override {
    Map(c, m, n, Stride(c_stride)).noalias() = scale * ConstMap(a, m, k, Stride(a_stride)) *
                                               ConstMap(b, n, k, Stride(b_stride)).transpose();
  }
  void times(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t a_stride,
             const float* b, std::int64_t b_stride, float* c, std::int64_t c_stride) override {
    Map(c, m, n, Stride(c_stride)).noalias() =
        ConstMap(a, m, k, Stride(a_stride)) * ConstMap(b, k, n, Stride(b_stride));
  }
  void set_threads(int /*threads*/) override {}
  int most_threads() const override { return 1; }
  std::string version() const override {
    return fmt::format("Eigen {}.{}.{} ({})", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION,
                       EIGEN_MINOR_VERSION, Eigen::SimdInstructionSetsInUse());
  }
};

}  // namespace

std::unique_ptr<MatrixProduct> make_eigen_product() { return std::make_unique<EigenProduct>(); }

}  // namespace moeplan::calibrate
