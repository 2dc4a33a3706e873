#pragma once
// RankBatch: what one data-parallel rank runs in one step; StepCost: what a step costs. The
// scheduler fills batches, a StepCost prices them, the replica advances time: none knows the other.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/result/phase.hpp"

namespace moeplan::sim {

// `chunk` prompt tokens of one sequence whose first `history` tokens are already in the cache.
struct PrefillPiece {
  std::int64_t chunk = 0;
  std::int64_t history = 0;
};

struct RankBatch {
  std::int64_t decode_sequences = 0;
  std::int64_t decode_kv_tokens = 0;  // attended by them, the new tokens included
  std::int64_t prefill_tokens = 0;    // sum of chunks
  std::int64_t sampled = 0;           // sequences that emit a token at the end of the step
  std::vector<PrefillPiece> prefill;

  std::int64_t tokens() const { return decode_sequences + prefill_tokens; }
  std::int64_t sequences() const {
    return decode_sequences + static_cast<std::int64_t>(prefill.size());
  }
  void clear() {
    decode_sequences = decode_kv_tokens = prefill_tokens = sampled = 0;
    prefill.clear();
  }
};

// The price of one lock-step of all data-parallel ranks of an engine, by phase.
// Contract: deterministic, at least one rank has tokens; ranks without tokens run dummy batches
// (they wait for the slowest). Implementations: ModelStepCost; tests inject their own.
class StepCost {
 public:
  virtual ~StepCost() = default;
  virtual PhaseTimes cost(std::span<const RankBatch> ranks) = 0;
  // A new run begins: forgets what extrapolated() collected.
  virtual void begin_run() {}
  // Names of laws evaluated outside their measured range since begin_run(), sorted.
  virtual std::vector<std::string> extrapolated() const { return {}; }
};

}  // namespace moeplan::sim
