#include "models/pruning/matrix.hpp"

#ifdef MOEPLAN_OPENBLAS
#include <cblas.h>
#endif

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

#ifdef MOEPLAN_OPENBLAS

// The library's own threads would change sums and fight with ours. Once per process, at the first
// product.
void one_thread() {
  static const bool kSet = [] {
    openblas_set_num_threads(1);
    return true;
  }();
  (void)kSet;
}

int dimension(Eigen::Index size) { return static_cast<int>(size); }

// result = keep * result + scale * op(left) * op(right), `inner` the dimension that is summed over.
// keep 0: the old numbers are not read.
void product(CBLAS_TRANSPOSE transpose_left, CBLAS_TRANSPOSE transpose_right, Eigen::Index inner,
             float scale, const FloatMatrix& left, const FloatMatrix& right, float keep,
             FloatMatrix& result) {
  one_thread();
  cblas_sgemm(CblasRowMajor, transpose_left, transpose_right, dimension(result.rows()),
              dimension(result.cols()), dimension(inner), scale, left.data(),
              dimension(left.cols()), right.data(), dimension(right.cols()), keep, result.data(),
              dimension(result.cols()));
}

#endif

void check_fit(bool fits) { require(fits, "matrices of a product must fit"); }

}  // namespace

FloatMatrix normal_matrix(SplitMix& random, Eigen::Index rows, Eigen::Index columns,
                          double deviation) {
  FloatMatrix result(rows, columns);
  for (Eigen::Index i = 0; i < result.size(); ++i) {
    result.data()[i] = static_cast<float>(deviation * random.normal());
  }
  return result;
}

void set_product_abt(float scale, const FloatMatrix& left, const FloatMatrix& right,
                     FloatMatrix& result) {
  check_fit(left.cols() == right.cols());
  result.resize(left.rows(), right.rows());
#ifdef MOEPLAN_OPENBLAS
  product(CblasNoTrans, CblasTrans, left.cols(), scale, left, right, 0.0f, result);
#else
  result.noalias() = scale * left * right.transpose();
#endif
}

void add_product_abt(float scale, const FloatMatrix& left, const FloatMatrix& right,
                     FloatMatrix& result) {
  check_fit(left.cols() == right.cols() && result.rows() == left.rows() &&
            result.cols() == right.rows());
#ifdef MOEPLAN_OPENBLAS
  product(CblasNoTrans, CblasTrans, left.cols(), scale, left, right, 1.0f, result);
#else
  result.noalias() += scale * left * right.transpose();
#endif
}

void add_product_atb(float scale, const FloatMatrix& left, const FloatMatrix& right,
                     FloatMatrix& result) {
  check_fit(left.rows() == right.rows() && result.rows() == left.cols() &&
            result.cols() == right.cols());
#ifdef MOEPLAN_OPENBLAS
  product(CblasTrans, CblasNoTrans, left.rows(), scale, left, right, 1.0f, result);
#else
  result.noalias() += scale * left.transpose() * right;
#endif
}

void gram_of_rows(const float* rows, std::size_t count, std::size_t width, FloatMatrix& gram) {
#ifdef MOEPLAN_OPENBLAS
  const auto n = static_cast<int>(width);
  one_thread();
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, n, static_cast<int>(count), 1.0f, rows, n,
              0.0f, gram.data(), n);
#else
  const Eigen::Map<const FloatMatrix> matrix(rows, static_cast<Eigen::Index>(count),
                                             static_cast<Eigen::Index>(width));
  gram.setZero();
  gram.selfadjointView<Eigen::Upper>().rankUpdate(matrix.transpose());
#endif
}

const char* matrix_library() {
#ifdef MOEPLAN_OPENBLAS
  return "OpenBLAS";
#else
  return "Eigen";
#endif
}

}  // namespace moeplan::models
