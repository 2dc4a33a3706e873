#pragma once
// StepPrices: what the steps of one rank cost, each shape asked of a StepCost once per run: decode
// lines by number of sequences, steps with prompts by their composition. Counts how often each
// shape ran, so that phases are added up once, at the end, and not in every step.

#include <array>
#include <cstdint>
#include <vector>

#include "sim/serving/batch.hpp"

namespace moeplan::sim {

class StepPrices {
 public:
  explicit StepPrices(StepCost& cost) : cost_(&cost) { probes_.assign(kFirstProbes, -1); }

  // Duration of a step of n > 0 decoding sequences that attend to kv_tokens. Counts the step.
  std::int64_t decode_ps(std::int64_t n, std::int64_t kv_tokens) {
    Line& line = at(decode_lines_, n);
    if (kv_tokens < line.from || kv_tokens > line.to) {
      load(n, kv_tokens, line);
    }
    ++line.steps;
    const std::int64_t attention = kv_tokens * line.fs_per_kv_token / 1000;
    attention_ps_ += attention;
    return line.total + attention;
  }

  // Duration of a step with prompts in it. Counts the step.
  std::int64_t mixed_ps(const RankBatch& batch);

  // Phases of all steps counted so far.
  PhaseTimes phases() const;

 private:
  struct Line {
    std::int64_t total = 0;
    std::int64_t fs_per_kv_token = 0;
    std::int64_t from = 1;  // KV tokens; not loaded yet
    std::int64_t to = 0;
    std::int64_t steps = 0;
    PhaseTimes base;
  };
  // What decodes add to a step with prompts, against the same step at 0 KV tokens.
  struct MixedLine {
    std::int64_t offset = 0;
    std::int64_t fs_per_kv_token = 0;
    std::int64_t from = 1;
    std::int64_t to = 0;
    // By number of prompts modulo 4: the position in mixed_ of the composition seen last, or -1.
    std::array<std::int32_t, 4> last = {-1, -1, -1, -1};
  };
  // Steps with the same prompts beside the same number of decodes, at 0 KV tokens.
  struct Mixed {
    std::uint64_t hash = 0;
    std::int32_t decodes = 0;
    std::int32_t sampled = 0;
    PrefillPiece first;
    std::uint32_t others = 0;  // position in pieces_ of the pieces after the first
    std::uint32_t piece_count = 0;
    std::int64_t total = 0;
    std::int64_t steps = 0;
  };
  static constexpr std::size_t kFirstProbes = 1 << 10;
  static constexpr std::size_t kMostProbes = 1 << 17;
  static constexpr std::size_t kMostPieces = 64;  // of a composition that is kept

  template <class AnyLine>
  static AnyLine& at(std::vector<AnyLine>& lines, std::int64_t n) {
    if (static_cast<std::size_t>(n) >= lines.size()) {
      lines.resize(static_cast<std::size_t>(n) + 1);
    }
    return lines[static_cast<std::size_t>(n)];
  }
  DecodeLine ask_line(std::int64_t n, std::int64_t kv_tokens);
  void load(std::int64_t n, std::int64_t kv_tokens, Line& line);
  void load_mixed(const RankBatch& batch, MixedLine& line);
  std::int64_t mixed_base(const RankBatch& batch, std::int32_t& last);
  bool is_same(const Mixed& known, const RankBatch& batch) const;
  void widen();

  StepCost* cost_;
  std::vector<Line> decode_lines_;      // [decoding sequences]
  std::vector<MixedLine> mixed_lines_;  // [decoding sequences]
  std::int64_t attention_ps_ = 0;
  PhaseTimes others_;  // of lines that were replaced, and of compositions that are not kept
  // Open addressing over mixed_; -1 = free.
  std::vector<std::int32_t> probes_;
  std::vector<Mixed> mixed_;
  std::vector<PhaseTimes>
      mixed_times_;  // [mixed_]: apart, because only the end of a run reads them
  std::vector<PrefillPiece> pieces_;
  RankBatch asked_;
};

}  // namespace moeplan::sim
