#pragma once
// lab_curves: accuracy curves of an experiment, one per method, router and pretrained count, as
// scenarios read them (accuracy.curve). The standard error is that of the mean over the seeds.

#include <functional>
#include <string>
#include <vector>

#include "models/accuracy/curve_file.hpp"
#include "models/laboratory/findings.hpp"

namespace moeplan::models {

struct LabCurve {
  std::string id;  // "uncurl-reinitialised-32"
  CurveFile file;
};

// architecture_of(experts): what the curve's file calls the architecture (catalog id or path).
// Counts that a method refused anywhere are left out; a method that only refused has no curve.
std::vector<LabCurve> lab_curves(const LabResult& result, const LabFindings& found,
                                 const std::function<std::string(std::int64_t)>& architecture_of);

}  // namespace moeplan::models
