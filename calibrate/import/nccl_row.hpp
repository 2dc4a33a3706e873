#pragma once
// Private to calibrate/import: one result of nccl-tests, wherever it was written, and what its
// numbers must agree with.

#include <optional>
#include <string>

#include "calibrate/import/measurements.hpp"

namespace moeplan::calibrate {

struct NcclRun {
  models::Collective collective = models::Collective::all_reduce;
  int ranks = 0;
  int nodes = 1;
};

struct NcclRow {
  double size = 0.0;     // bytes of one rank
  std::string type;      // float, half, ...
  double time_us = 0.0;  // out of place
  double algbw = 0.0;    // GB/s
  double busbw = 0.0;    // GB/s
  int line = 0;
};

// Empty when the row agrees with itself and the run, else what does not. rounding: of the printed
// bandwidths, GB/s.
std::string disagreement(const NcclRow& row, const NcclRun& run, double rounding);

// nullopt for types without a precision of ours (double, int64, ...).
std::optional<models::Precision> nccl_precision(const std::string& type);

models::CollectiveSample sample_of(const NcclRow& row, const NcclRun& run,
                                   models::Precision precision);

}  // namespace moeplan::calibrate
