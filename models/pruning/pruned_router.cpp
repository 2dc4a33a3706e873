#include "models/pruning/pruned_router.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/pruning/choose_experts.hpp"
#include "models/routing/split_mix.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

Eigen::VectorXf sliced(const Eigen::VectorXf& bias, const LayerPlan& plan) {
  if (bias.size() == 0) {
    return bias;
  }
  Eigen::VectorXf result(static_cast<Eigen::Index>(plan.kept.size()));
  for (std::size_t k = 0; k < plan.kept.size(); ++k) {
    result(static_cast<Eigen::Index>(k)) = bias(plan.kept[k].anchor);
  }
  return result;
}

Eigen::VectorXf zeros(const Eigen::VectorXf& bias, const LayerPlan& plan) {
  const auto kept = static_cast<Eigen::Index>(plan.kept.size());
  return bias.size() == 0 ? bias : Eigen::VectorXf::Zero(kept).eval();
}

RoutingHistogram equal_shares(std::int64_t tokens, std::int64_t top_k, const LayerPlan& plan) {
  const auto kept = static_cast<std::int64_t>(plan.kept.size());
  RoutingHistogram histogram;
  histogram.basis = RoutingHistogram::Basis::assumed;
  histogram.effective_top_k = static_cast<double>(top_k);
  // Rounded up to a multiple, so that all are equal.
  const std::int64_t each = std::max<std::int64_t>(1, (tokens * top_k + kept - 1) / kept);
  histogram.pairs.assign(static_cast<std::size_t>(kept), each);
  return histogram;
}

RoutingHistogram as_counted(const RouterStatistics& statistics, std::int64_t top_k) {
  RoutingHistogram histogram;
  histogram.basis = RoutingHistogram::Basis::measured;
  histogram.effective_top_k = static_cast<double>(top_k);
  histogram.pairs = statistics.selected;
  return histogram;
}

}  // namespace

RouterWeights pruned_router(const RouterWeights& router, const LayerPlan& plan, RouterMode mode,
                            std::uint64_t seed, double standard_deviation) {
  require(router.weight.rows() == plan.experts, "a router has a row per expert");
  if (mode == RouterMode::reinitialised) {
    const auto kept = static_cast<Eigen::Index>(plan.kept.size());
    const std::uint64_t key =
        split_mix(seed ^ 0x526F75746572u) + static_cast<std::uint64_t>(plan.layer);
    SplitMix random(key);
    return {normal_matrix(random, kept, router.weight.cols(), standard_deviation),
            zeros(router.bias, plan), zeros(router.correction_bias, plan)};
  }
  if (mode == RouterMode::merged_logits) {
    require(plan.dropped().empty(), "merged_logits needs every expert to be merged into another");
    return router;
  }
  RouterWeights result;
  result.weight.resize(static_cast<Eigen::Index>(plan.kept.size()), router.weight.cols());
  for (std::size_t k = 0; k < plan.kept.size(); ++k) {
    result.weight.row(static_cast<Eigen::Index>(k)) = router.weight.row(plan.kept[k].anchor);
  }
  result.bias = sliced(router.bias, plan);
  result.correction_bias = sliced(router.correction_bias, plan);
  return result;
}

RoutingHistogram histogram_from_counts(const RouterStatistics& statistics, std::int64_t top_k,
                                       const LayerPlan& plan, RouterMode mode) {
  if (mode == RouterMode::reinitialised) {
    return equal_shares(statistics.tokens, top_k, plan);
  }
  if (plan.unchanged()) {
    return as_counted(statistics, top_k);
  }
  std::vector<double> inclusion;
  for (const std::int64_t count : statistics.selected) {
    inclusion.push_back(static_cast<double>(count) / static_cast<double>(statistics.tokens));
  }
  const Routing before = Routing::from_inclusion(std::move(inclusion), top_k);
  const auto after = [&] {
    std::vector<ExpertId> ids;
    if (mode == RouterMode::sliced) {
      for (const KeptExpert& kept : plan.kept) {
        ids.emplace_back(kept.anchor);
      }
      return before.sliced(ids);
    }
    for (const auto& index : plan.kept_index()) {
      ids.emplace_back(index.value());
    }
    return before.merged(ids);
  }();
  RoutingHistogram histogram;
  histogram.effective_top_k = after.effective_top_k();
  for (const double share : after.inclusion()) {
    histogram.pairs.push_back(std::llround(share * static_cast<double>(statistics.tokens)));
  }
  return histogram;
}

RoutingHistogram histogram_from_logits(const float* logits, std::int64_t tokens, std::int64_t top_k,
                                       const GateRule& rule, const std::vector<float>& bias,
                                       const LayerPlan& plan, RouterMode mode) {
  if (mode == RouterMode::reinitialised) {
    return equal_shares(tokens, top_k, plan);
  }
  // sliced: the anchors' logits choose among each other; merged_logits: all choose, then move.
  const bool slice = mode == RouterMode::sliced;
  const auto index = plan.kept_index();
  std::vector<std::int32_t> columns;
  for (std::int32_t e = 0; e < plan.experts; ++e) {
    const auto& kept = index[static_cast<std::size_t>(e)];
    if (!slice || (kept && plan.kept[static_cast<std::size_t>(*kept)].anchor == e)) {
      columns.push_back(e);
    }
  }
  std::vector<float> row(columns.size());
  std::vector<float> row_bias;
  for (const std::int32_t e : columns) {
    if (!bias.empty()) {
      row_bias.push_back(bias[static_cast<std::size_t>(e)]);
    }
  }
  std::vector<double> scores(columns.size());
  std::vector<std::int32_t> chosen(static_cast<std::size_t>(top_k));
  std::vector<std::int64_t> last(plan.kept.size(), -1);
  RoutingHistogram histogram;
  histogram.basis = RoutingHistogram::Basis::measured;
  histogram.pairs.assign(plan.kept.size(), 0);
  std::int64_t pairs = 0;
  for (std::int64_t t = 0; t < tokens; ++t) {
    const float* token = logits + t * plan.experts;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      row[c] = token[columns[c]];
      if (!bias.empty()) {
        require(!rule.softmax, "a correction bias belongs to sigmoid scores");
        scores[c] = 1.0 / (1.0 + std::exp(-static_cast<double>(row[c])));
      }
    }
    choose_experts(row.data(), scores, row_bias, chosen);
    for (const std::int32_t c : chosen) {
      const auto k = static_cast<std::size_t>(
          index[static_cast<std::size_t>(columns[static_cast<std::size_t>(c)])].value());
      if (last[k] != t) {  // members of one merged expert serve a token once
        last[k] = t;
        ++histogram.pairs[k];
        ++pairs;
      }
    }
  }
  histogram.effective_top_k = static_cast<double>(pairs) / static_cast<double>(tokens);
  return histogram;
}

}  // namespace moeplan::models
