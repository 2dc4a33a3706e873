#pragma once
// StepPrices: what the steps of one rank cost, each shape asked of a StepCost once per run: decode
// lines by number of sequences, steps with prompts by their composition. Counts how often each
// shape ran, so that phases are added up once, at the end, and not in every step.

#include <cstdint>
#include <span>
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
    std::int64_t total = 0;  // in a mixed step: what the line's piece adds to the piece at 0
    std::int64_t fs_per_kv_token = 0;
    std::int64_t from = 1;  // KV tokens; not loaded yet
    std::int64_t to = 0;
    std::int64_t steps = 0;
    PhaseTimes base;
  };
  // Steps with the same prompts beside the same number of decodes, at 0 KV tokens.
  struct Mixed {
    std::uint64_t hash = 0;
    std::int64_t decodes = 0;
    std::int64_t sampled = 0;
    std::size_t pieces = 0;  // position in pieces_
    std::size_t piece_count = 0;
    std::int64_t total = 0;
    std::int64_t steps = 0;
    PhaseTimes times;
  };
  static constexpr std::size_t kFirstProbes = 1 << 10;
  static constexpr std::size_t kMostProbes = 1 << 17;

  static Line& at(std::vector<Line>& lines, std::int64_t n) {
    if (static_cast<std::size_t>(n) >= lines.size()) {
      lines.resize(static_cast<std::size_t>(n) + 1);
    }
    return lines[static_cast<std::size_t>(n)];
  }
  DecodeLine ask_line(std::int64_t n, std::int64_t kv_tokens);
  void load(std::int64_t n, std::int64_t kv_tokens, Line& line);
  void load_mixed(const RankBatch& batch, Line& line);
  std::int64_t mixed_base(const RankBatch& batch);
  bool is_same(const Mixed& known, const RankBatch& batch, std::uint64_t hash) const;
  void widen();

  StepCost* cost_;
  std::vector<Line> decode_lines_;  // [decoding sequences]
  std::vector<Line> mixed_lines_;   // [decoding sequences], base left out
  std::int64_t attention_ps_ = 0;
  PhaseTimes others_;  // of lines that were replaced, and of compositions that are not kept
  // Open addressing over mixed_; -1 = free.
  std::vector<std::int32_t> probes_;
  std::vector<Mixed> mixed_;
  std::vector<PrefillPiece> pieces_;
  RankBatch asked_;
};

}  // namespace moeplan::sim
