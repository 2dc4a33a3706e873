#pragma once
// RouterChange: what pruning does to a layer's router, for the report (serving.md 4).

#include <optional>

#include "models/routing/routing.hpp"

namespace moeplan::models {

// How the gates of a token's experts come from its router scores.
struct GateRule {
  bool softmax = true;      // over all experts; else sigmoid, every expert by itself
  bool normalised = false;  // norm_topk_prob: the gates of the chosen experts are scaled to sum 1
  friend bool operator==(const GateRule&, const GateRule&) = default;
};

struct RouterChange {
  double top_k_before = 0.0;  // expected different experts per token
  double top_k_after = 0.0;   // less where a token's experts were merged into one
  double skew_before = 1.0;   // busiest expert over the mean
  double skew_after = 1.0;
  // Factor on the summed gates, so on the MoE layer's output, of a token that keeps its experts; at
  // least this on average. nullopt: the router is trained anew, nothing to compare.
  //   1 where gates are normalised, or sigmoid, or all columns stay (merged_logits: a merged expert
  //     gets its members' gates added);
  //   1 / (share of the router's probability that the kept experts had), for a sliced softmax that
  //     is not normalised: the softmax runs over fewer columns. The share is taken from the mean
  //     probabilities (column weights); the mean over tokens of the inverse is at least its inverse
  //     (Jensen).
  std::optional<double> output_scale;
};

// after: of `before` pruned under `mode`; kept: the experts of `before` that stay (read for sliced
// only). Throws: std::logic_error when after has not as many experts as were kept.
RouterChange router_change(const Routing& before, const Routing& after, RouterMode mode,
                           const std::vector<ExpertId>& kept, const GateRule& rule);

}  // namespace moeplan::models
