#pragma once
// TopKCurve: accuracy of one model against the experts that each token is sent to. Not pruning: all
// experts stay in memory, so it saves time and no GPUs. A type of its own, so that the planner,
// which asks for accuracy against experts kept, cannot take one for the other.

#include <cstdint>
#include <optional>

#include "models/accuracy/accuracy_curve.hpp"

namespace moeplan::models {

class TopKCurve {
 public:
  // curve: its points' experts_kept, and its description's pretrained_experts, are experts per
  // token (as evaluated, and as trained). experts: per layer, all resident.
  TopKCurve(std::int64_t experts, AccuracyCurve curve)
      : experts_(experts), curve_(std::move(curve)) {}

  const AccuracyDescription& description() const { return curve_.description(); }
  std::int64_t experts() const { return experts_; }
  std::int64_t trained_top_k() const { return description().top_k; }
  std::int64_t smallest() const { return curve_.smallest(); }
  // As AccuracyCurve: inside the measured range only.
  std::optional<AccuracyEstimate> at(std::int64_t top_k, double confidence = kConfidence) const {
    return curve_.at(top_k, confidence);
  }
  // Against the trained top-k.
  std::optional<AccuracyEstimate> change(std::int64_t top_k,
                                         double confidence = kConfidence) const {
    return curve_.change(top_k, confidence);
  }
  bool distinguishable(std::int64_t top_k, double confidence = kConfidence) const {
    return curve_.distinguishable(top_k, confidence);
  }

 private:
  std::int64_t experts_ = 0;
  AccuracyCurve curve_;
};

}  // namespace moeplan::models
