#pragma once
// StepPrices: what the steps of one rank cost, each shape asked of a StepCost once per run: decode
// lines by number of sequences, and what a step's prompts add by their composition. Counts how
// often each shape ran, so that phases are added up once, at the end, and not in every step.

#include <cstdint>
#include <span>
#include <vector>

#include "sim/serving/batch.hpp"

namespace moeplan::sim {

class StepPrices {
 public:
  explicit StepPrices(StepCost& cost) : cost_(&cost) { probes_.assign(kFirstProbes, -1); }

  // Duration of a step of n decoding sequences that attend to kv_tokens, prompts left out; 0
  // for n = 0. Counts the step.
  std::int64_t decode_ps(std::int64_t n, std::int64_t kv_tokens) {
    if (static_cast<std::size_t>(n) >= lines_.size()) {
      lines_.resize(static_cast<std::size_t>(n) + 1);
    }
    Line& line = lines_[static_cast<std::size_t>(n)];
    if (kv_tokens < line.from || kv_tokens > line.to) {
      load(n, kv_tokens, line);
    }
    ++line.steps;
    const std::int64_t attention = kv_tokens * line.fs_per_kv_token / 1000;
    attention_ps_ += attention;
    return line.total + attention;
  }

  // What the prompts of `batch` (its decode sequences already in it, its KV tokens 0) add to the
  // step's duration. Counts the step.
  std::int64_t prompts_ps(const RankBatch& batch);

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
  struct Prompts {
    std::uint64_t hash = 0;
    std::int64_t decodes = 0;
    std::int64_t sampled = 0;
    std::size_t pieces = 0;  // position in pieces_
    std::size_t piece_count = 0;
    std::int64_t total = 0;
    std::int64_t steps = 0;
    PhaseTimes added;
  };
  static constexpr std::size_t kFirstProbes = 1 << 10;
  static constexpr std::size_t kMostProbes = 1 << 17;

  void load(std::int64_t n, std::int64_t kv_tokens, Line& line);
  PhaseTimes price_prompts(const RankBatch& batch);
  bool is_same(const Prompts& known, const RankBatch& batch, std::uint64_t hash) const;
  void widen();

  StepCost* cost_;
  std::vector<Line> lines_;  // [decoding sequences]
  std::int64_t attention_ps_ = 0;
  PhaseTimes others_;  // of lines that were replaced, and of compositions that are not kept
  // Open addressing over prompts_; -1 = free.
  std::vector<std::int32_t> probes_;
  std::vector<Prompts> prompts_;
  std::vector<PrefillPiece> pieces_;
  RankBatch asked_;
};

}  // namespace moeplan::sim
