#pragma once
// How far data-sheet laws are off on devices that are measured: where their bands come from
// (models/latency/datasheet_laws.cpp). Run by `./moeplan bench --suite fit`.

#include <string>
#include <vector>

#include "calibrate/fitting/statistics.hpp"
#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// One family of one device: predictions by its data sheet alone against its rows.
struct DatasheetErrors {
  std::string kernel;  // "expert_part": one grouped GEMM of a layer, timed alone
  std::string kernel_source;
  std::string dtype;
  ErrorSummary errors;
  double sd_log = 0.0;             // of ln(t_law / t_measured), see log_sd
  double covered_fraction = 0.0;   // of rows in the law's 5-95 % band, +- 1.645 discrepancy_sd_log
  std::vector<double> log_ratios;  // [rows], ln(t_law / t_measured)
};

// Left out: rows that read from the L2 cache (is_cached), rows faster than the memory, precisions
// the device does not run, and rows that the host's launches may rule - of tables that hold those,
// only rows above four times the shortest one count.
std::vector<DatasheetErrors> datasheet_errors(const std::vector<models::Measurements>& files,
                                              const models::Gpu& gpu, const models::Fabric& inside);

// The sd of ln(t) whose 5-95 % band covers 90 % of the rows of every one of the families.
// Throws: std::logic_error without families.
double covering_sd(const std::vector<DatasheetErrors>& families);

}  // namespace moeplan::calibrate
