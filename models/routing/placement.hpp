#pragma once
// Placement: which ranks hold which experts of one MoE layer. An expert may have several copies on
// different ranks (redundant experts); each serves an equal share of the expert's tokens.
// Loads under a placement: Routing::placed, then rank_load and the rest with its slots as experts.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/routing/routing.hpp"
#include "models/units/id.hpp"

namespace moeplan::models {

// How a serving engine places experts.
//   contiguous: in order of their numbers (the default of vLLM and SGLang)
//   round_robin: expert e on rank e mod ranks
//   balanced: by measured load, with copies of the busiest (DeepSeek's EPLB)
enum class PlacementRule { contiguous, round_robin, balanced };

// "contiguous round_robin balanced".
std::string_view name_of(PlacementRule rule);
std::optional<PlacementRule> placement_rule_from(std::string_view name);
const std::vector<std::string>& placement_rule_names();

class Placement {
 public:
  // [ranks], the experts of every rank.
  using OnRank = std::vector<std::vector<ExpertId>>;

  // The first (experts mod ranks) ranks hold one more. Throws: std::logic_error unless 1 <= ranks
  // <= experts.
  static Placement contiguous(std::int64_t experts, int ranks);
  static Placement round_robin(std::int64_t experts, int ranks);
  // load: [experts], >= 0. `redundant` times, the expert with the most load per copy gets another
  // (at most one a rank; ties: the lower number). Then copies in descending order of load go to the
  // rank with the least load that has room and no copy of that expert yet (ties: the lower rank);
  // should none be left, a copy of another expert makes room.
  // Perfect knowledge: a real balancer sees yesterday's loads. One level: groups of experts are
  // not kept on a node.
  // Throws: std::logic_error as contiguous, for a load that is not >= 0, and unless
  // 0 <= redundant <= experts (ranks - 1).
  // Source: DeepSeek EPLB, https://github.com/deepseek-ai/EPLB, global load balancing (replicate
  // the experts of most load per copy, then balanced packing).
  static Placement balanced(const std::vector<double>& load, int ranks, std::int64_t redundant = 0);
  // Throws: std::logic_error with the sentence of why_not_placed.
  static Placement from_ranks(OnRank on_rank, std::int64_t experts);

  int ranks() const { return static_cast<int>(on_rank_.size()); }
  std::int64_t experts() const { return static_cast<std::int64_t>(first_.size()) - 1; }
  std::int64_t slots() const { return slots_; }  // copies in all
  std::int64_t redundant() const { return slots_ - experts(); }
  std::int64_t most_slots() const;  // of the fullest rank
  const OnRank& on_rank() const { return on_rank_; }
  // The ranks that hold a copy of the expert, ascending.
  std::span<const int> ranks_of(std::size_t expert) const {
    return std::span(holders_).subspan(first_[expert], first_[expert + 1] - first_[expert]);
  }
  bool is_contiguous() const;
  friend bool operator==(const Placement&, const Placement&) = default;

 private:
  Placement(OnRank on_rank, std::int64_t experts);

  OnRank on_rank_;
  std::vector<int> holders_;        // [slots], expert after expert: the ranks of its copies
  std::vector<std::size_t> first_;  // [experts + 1], where each begins
  std::int64_t slots_ = 0;
};

// Why `experts` experts are not placed so, naming those concerned: "experts 3, 7 are nowhere";
// "expert 5 is twice on rank 2"; ids out of range; ranks that differ by more than one slot, or
// fuller ones that are not the first. nullopt when they are. redundant: copies expected beyond one
// of each; with 0, "expert 5 is on ranks 0, 3" is an error too.
std::optional<std::string> why_not_placed(const Placement::OnRank& on_rank, std::int64_t experts,
                                          std::optional<std::int64_t> redundant = std::nullopt);

}  // namespace moeplan::models
