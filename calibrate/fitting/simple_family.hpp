#pragma once
// Private to calibrate/fitting: what dense, decode and prefill fits share - one distribution, a
// list of row durations, shapes to hold out, a report over all rows.

#include <functional>

#include "calibrate/fitting/fit_kernels.hpp"

namespace moeplan::calibrate {

struct SimpleRows {
  std::vector<double> seconds;                // [rows], measured
  std::vector<std::vector<double>> launches;  // [rows][launches], as FitProblem has them
  std::vector<int> shape_of;                  // [rows]
  std::vector<bool> left_out;                 // [rows], not fitted but reported; empty: none
  bool band_of_fitted = false;  // the law's band is of the fitted rows alone, not of all reported
  int shapes = 0;
  std::vector<Parameter> parameters;
  std::function<double(std::span<const double> theta, std::size_t row)> law;
};

// Fits, holds out shapes, reports. The law still needs form, domain, source.
FittedFamily fit_simple(const SimpleRows& rows, const std::string& kernel,
                        const models::SampleOrigin& origin, const std::string& dtype);

}  // namespace moeplan::calibrate
