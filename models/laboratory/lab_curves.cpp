#include "models/laboratory/lab_curves.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeplan::models {
namespace {

constexpr const char* kSource = "lab";

CurveFile::Point point_of(std::int64_t kept, const MeanInterval& accuracy,
                          const std::string& task) {
  CurveFile::Point point{.experts_kept = kept, .values = {{task, accuracy.mean}}};
  if (accuracy.standard_error) {
    point.standard_errors[task] = *accuracy.standard_error;
  }
  point.source = kSource;
  return point;
}

}  // namespace

std::vector<LabCurve> lab_curves(const LabResult& result, const LabFindings& found,
                                 const std::function<std::string(std::int64_t)>& architecture_of) {
  const LaboratoryOptions& options = result.options;
  const std::string task = fmt::format("mean of {} tasks", options.problem.tasks);
  std::vector<LabCurve> curves;
  for (const ThresholdFinding& kind : found.thresholds) {
    CurveFile file;
    AccuracyDescription& what = file.description;
    what.name = fmt::format("moeplan lab: {} experts, {}, router {}", kind.pretrained, kind.method,
                            kind.router);
    what.model = fmt::format("moeplan lab, {} experts", kind.pretrained);
    what.architecture = architecture_of(kind.pretrained);
    what.method = kind.method;
    what.metric = "accuracy";
    what.tasks.push_back({.name = task,
                          .weight = 1.0,
                          .samples = options.seeds * options.problem.tasks * options.test_samples,
                          .source = kSource});
    what.pretrained_experts = kind.pretrained;
    what.top_k = 1;
    what.router = kind.router;
    what.finetuned = true;
    what.calibration = "each task's training samples";
    what.note = fmt::format(
        "A small network on a made-up problem: for trying moeplan, not for planning. Means over {} "
        "seeds, standard errors between them.",
        options.seeds);
    file.sources[kSource] =
        fmt::format("moeplan lab, seed {}, {} seeds, measured here", options.seed, options.seeds);
    for (const PrunedFinding& pruned : found.pruned) {
      if (pruned.method == kind.method && pruned.router == kind.router &&
          pruned.pretrained == kind.pretrained && pruned.accuracy) {
        file.points.push_back(point_of(pruned.kept, *pruned.accuracy, task));
      }
    }
    if (file.points.empty()) {
      continue;
    }
    const auto unpruned =
        std::find_if(found.sizes.begin(), found.sizes.end(),
                     [&](const SizeFinding& size) { return size.experts == kind.pretrained; });
    file.points.push_back(point_of(kind.pretrained, unpruned->accuracy, task));
    curves.push_back(
        {fmt::format("{}-{}-{}", kind.method, kind.router, kind.pretrained), std::move(file)});
  }
  return curves;
}

}  // namespace moeplan::models
