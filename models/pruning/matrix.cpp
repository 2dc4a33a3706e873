#include "models/pruning/matrix.hpp"

#ifdef MOEPLAN_OPENBLAS
#include <cblas.h>
#endif

#include "models/units/require.hpp"

namespace moeplan::models {

#ifdef MOEPLAN_OPENBLAS

namespace {

// The library's own threads would change sums and fight with ours.
void one_thread() {
  if (openblas_get_num_threads() != 1) {
    openblas_set_num_threads(1);
  }
}

int dimension(Eigen::Index size) { return static_cast<int>(size); }

}  // namespace

void add_product_abt(float scale, const FloatMatrix& left, const FloatMatrix& right,
                     FloatMatrix& result) {
  require(
      left.cols() == right.cols() && result.rows() == left.rows() && result.cols() == right.rows(),
      "matrices of a product must fit");
  one_thread();
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, dimension(left.rows()),
              dimension(right.rows()), dimension(left.cols()), scale, left.data(),
              dimension(left.cols()), right.data(), dimension(right.cols()), 1.0f, result.data(),
              dimension(result.cols()));
}

void add_product_atb(float scale, const FloatMatrix& left, const FloatMatrix& right,
                     FloatMatrix& result) {
  require(
      left.rows() == right.rows() && result.rows() == left.cols() && result.cols() == right.cols(),
      "matrices of a product must fit");
  one_thread();
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, dimension(left.cols()),
              dimension(right.cols()), dimension(left.rows()), scale, left.data(),
              dimension(left.cols()), right.data(), dimension(right.cols()), 1.0f, result.data(),
              dimension(result.cols()));
}

void gram_of_rows(const float* rows, std::size_t count, std::size_t width, FloatMatrix& gram) {
  const auto n = static_cast<int>(width);
  one_thread();
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, n, static_cast<int>(count), 1.0f, rows, n,
              0.0f, gram.data(), n);
}

const char* matrix_library() { return "OpenBLAS"; }

#else

void add_product_abt(float scale, const FloatMatrix& left, const FloatMatrix& right,
                     FloatMatrix& result) {
  require(
      left.cols() == right.cols() && result.rows() == left.rows() && result.cols() == right.rows(),
      "matrices of a product must fit");
  result.noalias() += scale * left * right.transpose();
}

void add_product_atb(float scale, const FloatMatrix& left, const FloatMatrix& right,
                     FloatMatrix& result) {
  require(
      left.rows() == right.rows() && result.rows() == left.cols() && result.cols() == right.cols(),
      "matrices of a product must fit");
  result.noalias() += scale * left.transpose() * right;
}

void gram_of_rows(const float* rows, std::size_t count, std::size_t width, FloatMatrix& gram) {
  const Eigen::Map<const FloatMatrix> matrix(rows, static_cast<Eigen::Index>(count),
                                             static_cast<Eigen::Index>(width));
  gram.setZero();
  gram.selfadjointView<Eigen::Upper>().rankUpdate(matrix.transpose());
}

const char* matrix_library() { return "Eigen"; }

#endif

}  // namespace moeplan::models
