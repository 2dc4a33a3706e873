#include "sim/report/result_kind.hpp"

namespace moeplan::sim {

ResultKind result_kind(const text::Node& root) {
  const auto has = [&](const char* key) { return root.find(key) != nullptr; };
  if (root.kind != text::Kind::map || !has("schema_version")) {
    return ResultKind::other;
  }
  if (has("recommendation")) {
    return ResultKind::plan;
  }
  if (has("design") && has("phases")) {
    return ResultKind::simulation;
  }
  if (has("phase_seconds_per_step") && has("figures")) {
    return ResultKind::comparison;
  }
  return has("families") && has("hardware") && has("skipped") ? ResultKind::validation
                                                              : ResultKind::other;
}

}  // namespace moeplan::sim
