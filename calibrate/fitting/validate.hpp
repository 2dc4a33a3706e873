#pragma once
// validate: predicted against measured. Files of measurements in, errors of a profile's laws (or,
// without a profile, of data-sheet laws) out, per kernel, source, dtype and distribution.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "calibrate/fitting/family.hpp"
#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/kernel_sample.hpp"
#include "models/text/json.hpp"

namespace moeplan::calibrate {

// Errors of a part of a family's rows.
struct Regime {
  // "small" "medium" "large": by the axis, up to 64 and 1024 tokens, rows or sequences, or 64 KiB
  // and 4 MiB; "inside_range" "extrapolated": of the law; "l2_cached": weights or caches that were
  // read from L2, which serving reads from memory.
  std::string name;
  std::string axis;
  double low = 0.0;   // of the rows that are there
  double high = 0.0;  //
  ErrorSummary errors;
};

// One row, predicted and measured.
struct ValidatedPoint {
  std::string series;  // of rows that differ in work alone: shape, split, ranks, cached tokens
  double work = 0.0;   // along the family's axis
  double measured_s = 0.0;
  double predicted_s = 0.0;
  bool extrapolated = false;
};

struct ValidatedFamily {
  // extrapolated_points: of the law. leave_one_shape_out: with each shape's predictions multiplied
  // by the median of measured / predicted of the other shapes, which is what one correction factor
  // would bring on shapes it has not seen; null below three shapes.
  FamilyReport report;
  std::map<std::string, std::int64_t> laws;  // "own: moe_fused bf16" -> points it predicted
  double covered_fraction = 0.0;             // of rows in the law's 5 to 95 % band
  double correction = 1.0;                   // median of measured / predicted
  std::string fitted;                        // with fit_half: "law", "scale"; else ""
  std::vector<Regime> regimes;
  std::string axis;                    // of the points' work: tokens, rows, sequences, bytes
  std::vector<ValidatedPoint> points;  // of the longest series, at most options.points
};

struct ValidationOptions {
  bool fit_half = false;  // fit_half.hpp
  // Take files that name another device than the profile's.
  bool allow_other_device = false;
  std::size_t points = 0;  // most rows of a family that are kept one by one
};

struct Validation {
  bool datasheet_only = false;
  std::vector<ValidatedFamily> families;        // sorted by kernel, source, dtype, distribution
  std::map<std::string, std::int64_t> skipped;  // why -> rows without a prediction
  std::vector<std::string> notes;
};

// Rows are skipped and counted, never dropped in silence: precisions the device does not run, rows
// faster than its memory, durations that the host's launches may rule (below four times the
// table's shortest), kernels without any law. Throws: InputError E_UNIT as fit_profile,
// E_FINGERPRINT for files of another device, E_VALUE when no row is left.
Validation validate(const std::vector<models::Measurements>& files, const models::Gpu& gpu,
                    const models::Fabric& inside, const models::Fabric* between,
                    const models::Profile* profile, const ValidationOptions& options);

// families[] of interface.md and what else is known; skipped[], notes[].
text::Json validation_json(const Validation& validation);
std::string validation_table(const Validation& validation);

}  // namespace moeplan::calibrate
