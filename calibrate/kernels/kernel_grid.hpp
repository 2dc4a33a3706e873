#pragma once
// kernel_grid: the cases of a sweep, coarse to fine. What is timed where is decided here and
// nowhere else.

#include <map>
#include <string>
#include <vector>

#include "calibrate/kernels/kernel_case.hpp"
#include "calibrate/measurement/budget.hpp"

namespace moeplan::calibrate {

struct GridOptions {
  std::string device = "cpu";  // cpu: layers of small models; cuda: of models that are served
  models::Precision precision = models::Precision::fp32;
  // Measured pairs of each expert of one layer; more expert cases with these as "replayed".
  std::vector<double> replayed;
};

struct KernelGrid {
  std::vector<GridPoint> points;            // ids, levels, expected durations
  std::map<std::string, KernelCase> cases;  // by id
};

// Level 0 has what every law needs to be fitted; 1 adds the tokens and experts between, skewed
// vectors and the grouped products alone; 2 one more value an octave, drawn from a fixed seed (tile
// edges lie between powers of two).
KernelGrid kernel_grid(const GridOptions& options);

}  // namespace moeplan::calibrate
