#pragma once
// The router's weights and the routing after pruning (serving.md 4).

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/pruning/matrix.hpp"
#include "models/pruning/plan_pruning.hpp"

namespace moeplan::models {

struct RouterWeights {
  FloatMatrix weight;               // [experts x hidden]
  Eigen::VectorXf bias;             // [experts], or empty (gpt-oss)
  Eigen::VectorXf correction_bias;  // [experts], or empty (e_score_correction_bias)
};

// reinitialised: [kept x hidden] from N(0, standard_deviation^2) by seed and layer, biases 0, to be
//   trained. sliced: the rows and biases of the anchors. merged_logits: as it was; expert e's token
//   goes to LayerPlan::kept_index()[e].
// A layer that is unchanged keeps its router, but for reinitialised.
// Throws: std::logic_error when the router has not the plan's experts.
RouterWeights pruned_router(const RouterWeights& router, const LayerPlan& plan, RouterMode mode,
                            std::uint64_t seed, double standard_deviation = 0.02);

// How the layer's (token, expert) pairs spread over the kept experts.
struct RoutingHistogram {
  std::vector<std::int64_t> pairs;  // [kept]
  double effective_top_k = 0.0;     // different kept experts per token
  // measured: the task's tokens were routed again by the pruned router; modelled: from the
  // selection counts by Routing::sliced or ::merged; assumed: equal shares, the router is new.
  enum class Basis { measured, modelled, assumed } basis = Basis::modelled;
};

// From selection counts. Throws: std::invalid_argument when counts cannot be top_k distinct
// choices.
RoutingHistogram histogram_from_counts(const RouterStatistics& statistics, std::int64_t top_k,
                                       const LayerPlan& plan, RouterMode mode);

// From logits [tokens x experts], one more pass: sliced and merged_logits as measured,
// reinitialised as assumed. bias: as RouterStatisticsBuilder's, with its gate rule.
RoutingHistogram histogram_from_logits(const float* logits, std::int64_t tokens, std::int64_t top_k,
                                       const GateRule& rule, const std::vector<float>& bias,
                                       const LayerPlan& plan, RouterMode mode);

}  // namespace moeplan::models
