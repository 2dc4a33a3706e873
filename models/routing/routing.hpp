#pragma once
// Routing: how one MoE layer spreads its tokens over its experts. Answers the two questions the
// cost laws ask: how many experts are read (active), and how much the busiest rank has to do.
//
// Model: every token draws top_k different columns of the router without replacement, column c
// with chance proportional to its weight among those left (Plackett-Luce; the same as the top_k
// largest of log weight + Gumbel noise), tokens independent of each other. uniform: equal weights.
// All expectations below are exact under it (quadrature error < 1e-9) unless they say otherwise.
// A column leads to one expert; after merging, several columns may lead to the same expert.
// All layers of a model: model_routing.hpp; measured counts: routing_counts.hpp; single tokens:
// token_draws.hpp; groups of experts: group_limit.hpp; what pruning does to a router's output:
// router_change.hpp; capacity and dropping: capacity.hpp.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/units/id.hpp"

namespace moeplan::models {

class Placement;

// What one rank has to do in one pass through the layer; both are expectations.
struct RankLoad {
  double pairs = 0.0;           // (token, expert) pairs
  double active_experts = 0.0;  // experts that receive at least one token
};

// What becomes of the router when experts are pruned (serving.md 4).
//   reinitialised: a new router is trained (UNCURL): taken as uniform, whatever it was before.
//   sliced: the columns of the removed experts are dropped, top_k unchanged.
//   merged_logits: all columns stay, those of merged experts lead to the same expert.
enum class RouterMode { reinitialised, sliced, merged_logits };

// "reinitialised sliced merged_logits".
std::string_view name_of(RouterMode mode);
std::optional<RouterMode> router_mode_from(std::string_view name);
const std::vector<std::string>& router_mode_names();

class Routing {
 public:
  // Every set of top_k experts equally likely. Throws: std::logic_error unless 1 <= top_k <=
  // experts.
  static Routing uniform(std::int64_t experts, std::int64_t top_k);
  // Weight of the expert with popularity rank r = 1, 2, ...: r^-alpha. Popularity is dealt to the
  // expert numbers by a fixed pseudo-random permutation (the same for equal `experts`), so that a
  // rank's contiguous block is a typical mixture and not "all the popular ones".
  // alpha 0 is uniform. Throws: std::logic_error as uniform, and for alpha < 0 or not finite.
  static Routing power_law(std::int64_t experts, std::int64_t top_k, double alpha);
  // Weights drawn from a symmetric Dirichlet distribution: independent gamma variates of shape
  // `concentration`, which only matter relative to each other. Large values tend to uniform; small
  // ones leave most tokens to few experts. The draw is a pure function of seed and layer, so every
  // layer differs and every candidate of a plan sees the same layers. Weights below 1e-12 of the
  // largest are raised to it. Shares of tokens spread less than the weights, as an expert serves a
  // token at most once: busiest over mean cannot exceed experts / top_k. README.md has a table.
  // Throws: std::logic_error as uniform, and unless 0.01 <= concentration <= 1e6.
  // Source: G. Marsaglia, W. W. Tsang, A simple method for generating gamma variables, ACM TOMS 26
  // (2000) 363-372.
  static Routing dirichlet(std::int64_t experts, std::int64_t top_k, double concentration,
                           std::uint64_t seed, std::int64_t layer);
  // Measured: inclusion[e] = P(a token uses expert e), 0..1, sum = top_k within 1e-3 * top_k
  // (scaled to fit). The weights that give these probabilities are found by iteration to 1e-9
  // (to 1e-5 where a probability is above 0.999999).
  // Throws: std::logic_error when the numbers are not such probabilities.
  static Routing from_inclusion(std::vector<double> inclusion, std::int64_t top_k);

  std::int64_t experts() const { return static_cast<std::int64_t>(inclusion_.size()); }
  std::int64_t top_k() const { return top_k_; }
  // Expected different experts per token; below top_k after merging, else top_k.
  double effective_top_k() const { return effective_top_k_; }
  bool is_uniform() const { return uniform_; }
  // [experts], P(a token uses expert e); sums to effective_top_k().
  const std::vector<double>& inclusion() const { return inclusion_; }
  // Busiest expert over the mean.
  double skew() const;

  // Expected number of different experts that `tokens` tokens use: sum over e of
  // 1 - (1 - q_e)^tokens. tokens >= 0, may be fractional.
  double expected_active(double tokens) const;

  // Expected load of one rank under contiguous placement: ranks split the experts in order, the
  // first (experts mod ranks) ranks hold one more. Throws: std::logic_error unless
  // 1 <= ranks <= experts, 0 <= rank < ranks, tokens >= 0.
  RankLoad rank_load(double tokens, int ranks, int rank) const;

  // The slowest rank. pairs: expectation of the maximum over ranks of the pairs, sampling
  // fluctuation included; active_experts: maximum over ranks of the expectation.
  // Approximation for pairs: ranks as independent variables of the right mean, their variance
  // chosen so that, given the sum over ranks, it is the true one under uniform routing (a token's
  // experts differ). Up to 32 pairs in all: exactly given that sum; beyond: without it, binomial,
  // or normal with skewness above a mean of 64 pairs. Exact for top_k 1 and for one token under
  // uniform routing. Error against Monte Carlo: kLargestRankError.
  RankLoad largest_rank_load(double tokens, int ranks) const;

  // Expected number of different ranks that hold at least one of a token's experts: its copies
  // under `alltoall_per_rank`. Uniform: ranks (1 - C(E - E/ranks, k) / C(E, k)), which tends to
  // ranks (1 - (1 - 1/ranks)^k) for many experts (8 of 8 ranks: 5.25; with 128 experts 5.34).
  double expected_distinct_ranks(int ranks) const;

  // A new router over `kept` experts: uniform. Throws: std::logic_error if top_k > kept.
  Routing reinitialised(std::int64_t kept) const;
  // Only the given experts, in this order; their columns keep their weights. Keeping all in order
  // returns an equal object. Throws: std::logic_error for ids out of range or repeated, or fewer
  // columns than top_k.
  Routing sliced(const std::vector<ExpertId>& kept) const;
  // Expert e becomes cluster_of[e]; clusters are numbered 0 .. max without gaps. Loads add up,
  // but a token that chose several members uses the merged expert once.
  Routing merged(const std::vector<ExpertId>& cluster_of) const;
  // By mode, where no plan from a checkpoint says which experts: sliced keeps the most popular
  // (ties: the lower id), in their old order; merged_logits takes those as anchors and deals the
  // others to them, the most popular remaining one to the least popular anchor, and round again.
  // groups: of a group-limited router (n_group); every group keeps equally many and merges within
  // itself. Throws: std::logic_error if groups do not divide experts and kept, or top_k > kept.
  Routing pruned(RouterMode mode, std::int64_t kept, std::int64_t groups = 1) const;

  // The same tokens seen by slots: copy i of the placement, rank by rank, is expert i of the
  // result, used by an equal share of its expert's tokens. Contiguous ranks of the result
  // (rank_load, largest_rank_load, expected_distinct_ranks) are the ranks of the placement.
  // Contiguous placements, and uniform routing without copies, return an equal object.
  // Approximation with copies: two copies of an expert are taken for two experts of a token that
  // differ, so expected_distinct_ranks is a little high.
  // Throws: std::logic_error unless the placement has this layer's experts.
  Routing placed(const Placement& placement) const;

  // The `count` experts with the highest inclusion, ascending ids; ties: the lower id. With groups
  // (contiguous, equal), count / groups of each.
  std::vector<ExpertId> most_popular(std::int64_t count, std::int64_t groups = 1) const;

  // The router's columns: weights (only their ratios mean anything) and the expert of each.
  const std::vector<double>& weights() const { return weights_; }
  const std::vector<std::int64_t>& expert_of() const { return expert_of_; }

 private:
  Routing() = default;
  double largest_pairs(double tokens, int ranks) const;
  void finish();  // fills what follows from inclusion_
  static Routing from_columns(std::vector<double> weights, std::vector<std::int64_t> expert_of,
                              std::int64_t experts, std::int64_t top_k);

  std::int64_t top_k_ = 0;
  bool uniform_ = false;  // equal weights, one column per expert
  double effective_top_k_ = 0.0;
  std::vector<double> weights_;          // [columns], >= 0
  std::vector<std::int64_t> expert_of_;  // [columns]
  std::vector<double> inclusion_;        // [experts]
  std::vector<double> log_exclusion_;    // [experts], log(1 - inclusion)
  // largest_pairs() of few pairs, which is a convolution: worked out once for all designs that
  // have this routing. Copies share it.
  class FewPairs;
  std::shared_ptr<FewPairs> few_pairs_;
};

// Largest relative error of Routing::largest_rank_load().pairs against Monte Carlo over 8 to 256
// experts, top 1 to 8, 2 to 16 ranks, 1 to 512 tokens, power laws 0, 0.6 and 1.2; a part of that
// grid is a test (tests/models/routing/largest_rank_test.cpp).
inline constexpr double kLargestRankError = 0.05;

// First expert of a rank and of the one after it, under the contiguous placement of rank_load.
struct ExpertRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};
ExpertRange experts_of_rank(std::int64_t experts, int ranks, int rank);

// min(local_experts, pairs): the active experts of measured tables whose distribution is called
// `balanced` (round-robin). For reading such tables only, never for predicting traffic.
double round_robin_active(std::int64_t local_experts, double pairs);

}  // namespace moeplan::models
