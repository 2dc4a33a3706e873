#pragma once
// The points of a journalled sweep as the rows that fits read: what kernels and exchanges share.

#include <functional>
#include <string>

#include "calibrate/measurement/combined_point.hpp"
#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// Whose journal it is. path, content: of its file; device: what was measured.
struct SweepFile {
  const JournalContents& journal;
  const std::string& path;
  const std::string& content;
  std::string device;
};

// Adds the row of a measured point to `out`, from `origin` (line and seconds are set); returns the
// reason why the point has none, or nothing.
using AddRow = std::function<std::string(const CombinedPoint& point, models::SampleOrigin origin,
                                         models::Measurements& out)>;

// One call of `add` for every measured point; points that were not measured, or have no row, are
// counted in `skipped` with their reason; launches, flags, fingerprint and settings are the notes.
models::Measurements sweep_measurements(const SweepFile& file, const AddRow& add);

// The reason of a point that another version of the program planned.
inline constexpr const char* kUnknownPoint = "points that this version does not know";

}  // namespace moeplan::calibrate
