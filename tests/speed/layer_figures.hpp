#pragma once
// The closure test of suite calibrate: this machine's kernels and exchanges are measured and
// fitted, then whole SMoE layers over two ranks are run and held against what the laws say of them.

#include <string>

namespace moeplan::speed {

struct LayerFigures {
  double median_error = 0.0;   // |predicted / measured - 1|
  double p90_error = 0.0;      //
  double repeat_error = 0.0;   // median of |a launch's median / the layer's - 1|
  double fitting_seconds = 0;  // to measure and fit
  std::string rows;            // layer by layer, for people
};
// program: moeplan-measure. Throws: std::runtime_error where it fails; InputError.
LayerFigures layer_figures(const std::string& program);

}  // namespace moeplan::speed
