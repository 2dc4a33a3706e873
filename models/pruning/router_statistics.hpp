#pragma once
// RouterStatistics: what pruning needs to know of one MoE layer's router on the task's tokens;
// sufficient for every method, and of a size that does not depend on the number of tokens.
// RouterStatisticsBuilder makes it from router logits, block by block.

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/pruning/matrix.hpp"
#include "models/routing/router_change.hpp"

namespace moeplan::models {

// Logits: router weights times the layer's input, [tokens x experts], before softmax or sigmoid.
struct RouterStatistics {
  std::int64_t tokens = 0;
  Eigen::MatrixXd gram;           // [experts x experts], sum over tokens of logit_i logit_j
  std::vector<double> logit_sum;  // [experts], sum over tokens
  std::vector<std::int64_t>
      selected;                  // [experts], tokens that chose the expert; sum tokens x top_k
  std::vector<double> gate_sum;  // [experts], sum of the gate over the tokens that chose it
  std::vector<double> gated_norm_sum;  // [experts], sum of gate x norm of the expert's output over
                                       // the same; empty: not measured (only reap needs it)
  std::int64_t experts() const { return static_cast<std::int64_t>(selected.size()); }
};

// What is wrong with statistics, in words; nullopt: nothing. Checks: sizes; finite numbers; a
// symmetric Gram matrix with a positive diagonal that the sums fit (Cauchy-Schwarz); an expert
// whose logits are the same for every token (its router column says nothing); selections between 0
// and tokens that add up to tokens x top_k.
std::optional<std::string> problem_of(const RouterStatistics& statistics, std::int64_t experts,
                                      std::int64_t top_k);

// (1 + cosine) / 2 of the experts' logit vectors over all tokens: [experts x experts], 0 to 1.
// Throws: std::invalid_argument when an expert's logits are all 0.
Eigen::MatrixXd router_similarity(const Eigen::MatrixXd& gram);

// The Gram matrix of logits alone, streamed: blocks of tokens by SSYRK, sums of blocks in double.
class GramBuilder {
 public:
  explicit GramBuilder(std::int64_t experts);
  // logits: [tokens x experts] row-major. Throws: std::invalid_argument for a number that is not
  // finite, with its token (counted from the first add) and expert.
  void add(const float* logits, std::int64_t tokens);
  // Adds another builder's tokens after its own.
  void merge(const GramBuilder& other);
  std::int64_t tokens() const { return tokens_; }
  Eigen::MatrixXd gram() const;  // [experts x experts], both triangles

 private:
  std::int64_t tokens_ = 0;
  FloatMatrix block_;
  Eigen::MatrixXd sum_;  // upper triangle
};

// The Gram matrix of logits in memory (or mapped), [tokens x experts]: chunks on several threads,
// added in their order. A function of the logits alone, not of the threads.
GramBuilder gram_of_logits(const float* logits, std::int64_t tokens, std::int64_t experts,
                           int threads);

// All of RouterStatistics but gated_norm_sum.
class RouterStatisticsBuilder {
 public:
  // rule: how gates come from logits. bias: [experts], added to the scores for choosing only
  // (e_score_correction_bias); empty: none.
  RouterStatisticsBuilder(std::int64_t experts, std::int64_t top_k, GateRule rule,
                          std::vector<float> bias = {});
  // Throws: std::invalid_argument for a number that is not finite, and for a token whose scores are
  // all equal (it chooses nothing), with the token.
  void add(const float* logits, std::int64_t tokens);
  void merge(const RouterStatisticsBuilder& other);
  RouterStatistics statistics() const;

 private:
  void count(const float* logits, std::int64_t token);

  std::int64_t experts_;
  std::int64_t top_k_;
  GateRule rule_;
  std::vector<float> bias_;
  GramBuilder gram_;
  std::vector<double> logit_sum_;
  std::vector<std::int64_t> selected_;
  std::vector<double> gate_sum_;
  std::vector<double> scores_;        // of one token
  std::vector<std::int32_t> chosen_;  // of one token
};

// The same as one builder over all tokens, in chunks on several threads.
RouterStatistics statistics_of_logits(const float* logits, std::int64_t tokens,
                                      const RouterStatisticsBuilder& empty, std::int64_t experts,
                                      int threads);

}  // namespace moeplan::models
