#pragma once
// RankBatch: what one data-parallel rank runs in one step; StepCost: what a step costs. The
// scheduler fills batches, a StepCost prices them, the replica advances time: none knows the other.

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/result/expert_rows.hpp"
#include "sim/result/lock_step.hpp"
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

// What steps of n decoding sequences on one data-parallel rank cost (each emits a token, no prompt
// tokens, the other ranks idle), for every total of KV tokens L in [kv_tokens_from, kv_tokens_to]:
//   base + floor(L x attention_fs_per_kv_token / 1000) ps, the second term in Phase::attention.
struct DecodeLine {
  PhaseTimes base;
  std::int64_t attention_fs_per_kv_token = 0;
  std::int64_t kv_tokens_from = 0;  // further pieces lie below and above (sliding windows)
  std::int64_t kv_tokens_to = std::numeric_limits<std::int64_t>::max();
  // Above this many KV tokens attention is outside its law's measured range: such steps have to go
  // through cost(), which remembers it.
  std::int64_t kv_tokens_inside = std::numeric_limits<std::int64_t>::max();

  std::int64_t attention_ps(std::int64_t kv_tokens) const {
    return kv_tokens * attention_fs_per_kv_token / 1000;
  }
};

// The price of one lock-step of all data-parallel ranks of an engine, by phase.
// Contract: deterministic, at least one rank has tokens; ranks without tokens run dummy batches
// (they wait for the slowest). Implementations: ModelStepCost, PipelineStepCost; tests inject their
// own.
class StepCost {
 public:
  virtual ~StepCost() = default;
  virtual PhaseTimes cost(std::span<const RankBatch> ranks) = 0;
  // cost() in the order in which it runs: [0] the host's part, then one part a pipeline stage, the
  // transfer of its input included. The parts add up to cost().
  virtual void staged(std::span<const RankBatch> ranks, std::vector<PhaseTimes>& parts) {
    parts.assign(2, PhaseTimes{});
    parts[1] = cost(ranks);
    parts[0].set(Phase::host, parts[1][Phase::host]);
    parts[1].set(Phase::host, SimDuration(0));
  }
  // What the ranks of the step priced last, by cost() or staged(), wait for their slowest. A cost
  // that does not know ranks apart has none.
  virtual LockStep lock_step() const { return {}; }
  // The line on which cost() of a decode-only step of one rank lies, exactly; its piece at
  // `kv_tokens`. Remembers for extrapolated() what cost() of a step up to kv_tokens_inside would.
  // Prompts beside the decodes change the base alone: cost() of any step of one rank at L KV tokens
  // less that at 0 KV tokens is the line at L less the line at 0.
  // Nothing when this cost knows no such line.
  virtual std::optional<DecodeLine> decode_line(std::int64_t /*sequences*/,
                                                std::int64_t /*kv_tokens*/) {
    return std::nullopt;
  }
  // The pairs of the same step; those of one rank alone are proportional to its tokens (buffers
  // are between ranks). A cost that knows no experts has none.
  virtual ExpertRows expert_rows(std::span<const RankBatch> /*ranks*/) { return {}; }
  // A new run begins: forgets what extrapolated() collected.
  virtual void begin_run() {}
  // What extrapolated() has collected, to be given back after a question that is no step.
  virtual std::uint64_t remembered() const { return 0; }
  virtual void remember_only(std::uint64_t /*remembered*/) {}
  // Names of laws evaluated outside their measured range since begin_run(), sorted.
  virtual std::vector<std::string> extrapolated() const { return {}; }
};

}  // namespace moeplan::sim
