#pragma once
// The matrices of this folder and the products that take its time, by OpenBLAS where the build
// found it, else by Eigen; both single-threaded, so that results do not depend on threads: what
// runs in parallel are whole tasks (parallel.hpp).

#include <Eigen/Core>
#include <cstddef>

#include "models/routing/split_mix.hpp"

namespace moeplan::models {

using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Independent normal numbers, row by row from `random`.
FloatMatrix normal_matrix(SplitMix& random, Eigen::Index rows, Eigen::Index columns,
                          double deviation);

// result [m x n] = scale * left [m x k] * right^T, right [n x k]; result gets its shape, and its
// old numbers are not read: a fresh matrix need not be set to zero first.
void set_product_abt(float scale, const FloatMatrix& left, const FloatMatrix& right,
                     FloatMatrix& result);
// result [m x n] += scale * left [m x k] * right^T, right [n x k].
void add_product_abt(float scale, const FloatMatrix& left, const FloatMatrix& right,
                     FloatMatrix& result);
// result [m x n] += scale * left^T * right, left [k x m], right [k x n].
void add_product_atb(float scale, const FloatMatrix& left, const FloatMatrix& right,
                     FloatMatrix& result);
// The upper triangle of gram [width x width] = rows^T rows, rows [count x width] row-major.
void gram_of_rows(const float* rows, std::size_t count, std::size_t width, FloatMatrix& gram);

// "OpenBLAS" or "Eigen": what the build uses, for reports of speed.
const char* matrix_library();

}  // namespace moeplan::models
