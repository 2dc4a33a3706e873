#include "models/pruning/router_statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "models/pruning/choose_experts.hpp"
#include "models/pruning/parallel.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// Tokens per SSYRK: 512 KiB of 128 experts' logits, so that the checks read them from the cache.
constexpr std::int64_t kBlock = 1024;
// Tokens per task of several threads, and so per partial sum.
constexpr std::int64_t kChunk = 16 * kBlock;

template <class Builder>
Builder in_chunks(const float* logits, std::int64_t tokens, std::int64_t experts,
                  const Builder& empty, int threads) {
  const auto chunks = static_cast<std::size_t>((tokens + kChunk - 1) / kChunk);
  // Partial sums of a wave at a time: memory does not grow with the tokens.
  const std::size_t wave = 64;
  Builder total = empty;
  for (std::size_t first = 0; first < chunks; first += wave) {
    std::vector<Builder> parts(std::min(wave, chunks - first), empty);
    for_each_index(parts.size(), threads, [&](std::size_t i) {
      const std::int64_t begin = static_cast<std::int64_t>(first + i) * kChunk;
      try {
        parts[i].add(logits + begin * experts, std::min(kChunk, tokens - begin));
      } catch (const BadLogit& bad) {
        throw BadLogit(bad.what_is_wrong(), begin + bad.token());
      }
    });
    for (const Builder& part : parts) {
      total.merge(part);
    }
  }
  return total;
}

}  // namespace

BadLogit::BadLogit(const std::string& what, std::int64_t token)
    : std::invalid_argument(fmt::format("token {}: {}", token, what)), what_(what), token_(token) {}

std::optional<std::string> problem_of(const RouterStatistics& s, std::int64_t experts,
                                      std::int64_t top_k) {
  const auto n = static_cast<std::size_t>(experts);
  if (s.tokens < 1) {
    return "there are no tokens";
  }
  if (s.gram.rows() != experts || s.gram.cols() != experts || s.logit_sum.size() != n ||
      s.selected.size() != n || s.gate_sum.size() != n ||
      (!s.gated_norm_sum.empty() && s.gated_norm_sum.size() != n)) {
    return fmt::format("the statistics are of {} experts, the layer has {}", s.selected.size(),
                       experts);
  }
  const double scale = s.gram.cwiseAbs().maxCoeff();
  if (!s.gram.allFinite() || (s.gram - s.gram.transpose()).cwiseAbs().maxCoeff() > 1e-6 * scale) {
    return "the Gram matrix is not finite and symmetric";
  }
  const auto tokens = static_cast<double>(s.tokens);
  std::int64_t pairs = 0;
  for (std::size_t e = 0; e < n; ++e) {
    const auto i = static_cast<Eigen::Index>(e);
    const double squares = s.gram(i, i);
    if (!(squares > 0.0)) {
      return fmt::format("the logits of expert {} are 0 for every token", e);
    }
    const double mean_square = squares / tokens;
    const double mean = s.logit_sum[e] / tokens;
    if (!std::isfinite(mean) || mean * mean > mean_square * (1.0 + 1e-4)) {
      return fmt::format("the sum of the logits of expert {} does not fit its sum of squares", e);
    }
    if (s.tokens > 1 && mean_square - mean * mean < 1e-6 * mean_square) {
      return fmt::format("the logits of expert {} are the same for every token", e);
    }
    if (s.selected[e] < 0 || s.selected[e] > s.tokens) {
      return fmt::format("expert {} is chosen by {} of {} tokens", e, s.selected[e], s.tokens);
    }
    if (!std::isfinite(s.gate_sum[e]) || s.gate_sum[e] < 0.0 ||
        (!s.gated_norm_sum.empty() &&
         !(std::isfinite(s.gated_norm_sum[e]) && s.gated_norm_sum[e] >= 0.0))) {
      return fmt::format("the gates or norms of expert {} are not finite and >= 0", e);
    }
    pairs += s.selected[e];
  }
  if (pairs != s.tokens * top_k) {
    return fmt::format("{} selections, but {} tokens choose {} experts each", pairs, s.tokens,
                       top_k);
  }
  return std::nullopt;
}

Eigen::MatrixXd router_similarity(const Eigen::MatrixXd& gram) {
  const Eigen::VectorXd squares = gram.diagonal();
  if (!(squares.minCoeff() > 0.0)) {
    throw std::invalid_argument("an expert's logits are 0 for every token");
  }
  const Eigen::VectorXd scale = squares.cwiseSqrt().cwiseInverse();
  Eigen::MatrixXd cosine = scale.asDiagonal() * gram * scale.asDiagonal();
  cosine = 0.5 * (cosine + cosine.transpose().eval());
  cosine.diagonal().setOnes();
  return (0.5 * (1.0 + cosine.array())).max(0.0).min(1.0).matrix();
}

GramBuilder::GramBuilder(std::int64_t experts)
    : block_(FloatMatrix::Zero(experts, experts)), sum_(Eigen::MatrixXd::Zero(experts, experts)) {
  require(experts >= 1, "a router has experts");
}

void GramBuilder::add(const float* logits, std::int64_t tokens) {
  const std::int64_t experts = block_.rows();
  for (std::int64_t begin = 0; begin < tokens; begin += kBlock) {
    const std::int64_t count = std::min(kBlock, tokens - begin);
    const float* block = logits + begin * experts;
    gram_of_rows(block, static_cast<std::size_t>(count), static_cast<std::size_t>(experts), block_);
    // A square of a number that is not finite is not either, so the diagonal sees every one.
    if (!block_.diagonal().allFinite()) {
      const float* bad = std::find_if(block, block + count * experts, [](float x) {
        return !std::isfinite(x) || std::abs(x) > 1e15f;
      });
      const std::int64_t at = std::min<std::int64_t>(bad - block, count * experts - 1);
      throw BadLogit(fmt::format("the logit of expert {} is {}, not a finite number below 1e15",
                                 at % experts, block[at]),
                     begin + at / experts);
    }
    for (Eigen::Index i = 0; i < experts; ++i) {
      for (Eigen::Index j = i; j < experts; ++j) {
        sum_(j, i) += static_cast<double>(block_(i, j));
      }
    }
  }
  tokens_ += tokens;
}

void GramBuilder::merge(const GramBuilder& other) {
  sum_ += other.sum_;
  tokens_ += other.tokens_;
}

Eigen::MatrixXd GramBuilder::gram() const {
  Eigen::MatrixXd full = sum_;  // column-major: the lower triangle
  full.triangularView<Eigen::StrictlyUpper>() = sum_.transpose();
  return full;
}

GramBuilder gram_of_logits(const float* logits, std::int64_t tokens, std::int64_t experts,
                           int threads) {
  return in_chunks(logits, tokens, experts, GramBuilder(experts), threads);
}

RouterStatisticsBuilder::RouterStatisticsBuilder(std::int64_t experts, std::int64_t top_k,
                                                 GateRule rule, std::vector<float> bias)
    : experts_(experts),
      top_k_(top_k),
      rule_(rule),
      bias_(std::move(bias)),
      gram_(experts),
      logit_sum_(static_cast<std::size_t>(experts), 0.0),
      selected_(static_cast<std::size_t>(experts), 0),
      gate_sum_(static_cast<std::size_t>(experts), 0.0),
      scores_(static_cast<std::size_t>(experts), 0.0),
      chosen_(static_cast<std::size_t>(top_k), 0) {
  require(top_k >= 1 && top_k <= experts, "a token chooses between 1 and all experts");
  require(bias_.empty() || static_cast<std::int64_t>(bias_.size()) == experts,
          "a bias has an entry per expert");
}

void RouterStatisticsBuilder::add(const float* logits, std::int64_t tokens) {
  const std::int64_t before = gram_.tokens();
  gram_.add(logits, tokens);
  for (std::int64_t t = 0; t < tokens; ++t) {
    count(logits + t * experts_, before + t);
  }
}

void RouterStatisticsBuilder::count(const float* logits, std::int64_t token) {
  const auto n = static_cast<std::size_t>(experts_);
  const auto ends = std::minmax_element(logits, logits + n);
  const float high = *ends.second;
  if (n > 1 && *ends.first == high) {
    throw BadLogit("all logits are equal, so it chooses no expert", token);
  }
  const auto score = [&](std::size_t e) {
    const auto logit = static_cast<double>(logits[e]);
    scores_[e] = rule_.softmax ? std::exp(logit - static_cast<double>(high))
                               : 1.0 / (1.0 + std::exp(-logit));
    return scores_[e];
  };
  for (std::size_t e = 0; e < n; ++e) {
    logit_sum_[e] += static_cast<double>(logits[e]);
  }
  // The scores of all experts are needed to choose with a bias, and for the sum of a softmax over
  // all; else those of the chosen ones do.
  double total = 1.0;
  if (!bias_.empty() || (rule_.softmax && !rule_.normalised)) {
    double sum = 0.0;
    for (std::size_t e = 0; e < n; ++e) {
      sum += score(e);
    }
    total = rule_.softmax ? sum : 1.0;
  }
  choose_experts(logits, scores_, bias_, chosen_);
  double chosen_sum = 0.0;
  for (const std::int32_t e : chosen_) {
    chosen_sum += score(static_cast<std::size_t>(e));
  }
  total = rule_.normalised ? chosen_sum : total;
  for (const std::int32_t e : chosen_) {
    const auto i = static_cast<std::size_t>(e);
    ++selected_[i];
    gate_sum_[i] += total > 0.0 ? scores_[i] / total : 0.0;
  }
}

void RouterStatisticsBuilder::merge(const RouterStatisticsBuilder& other) {
  gram_.merge(other.gram_);
  for (std::size_t e = 0; e < selected_.size(); ++e) {
    logit_sum_[e] += other.logit_sum_[e];
    selected_[e] += other.selected_[e];
    gate_sum_[e] += other.gate_sum_[e];
  }
}

RouterStatistics RouterStatisticsBuilder::statistics() const {
  return {.tokens = gram_.tokens(),
          .gram = gram_.gram(),
          .logit_sum = logit_sum_,
          .selected = selected_,
          .gate_sum = gate_sum_,
          .gated_norm_sum = {}};
}

RouterStatistics statistics_of_logits(const float* logits, std::int64_t tokens,
                                      const RouterStatisticsBuilder& empty, std::int64_t experts,
                                      int threads) {
  return in_chunks(logits, tokens, experts, empty, threads).statistics();
}

}  // namespace moeplan::models
