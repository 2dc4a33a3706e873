// ModelStepCost: the MoE layers, and what becomes of their (token, expert) pairs (serving.md 2, 4).

#include <algorithm>
#include <cmath>

#include "models/routing/capacity.hpp"
#include "sim/serving/model_step_sum.hpp"

namespace moeplan::sim {

void ModelStepCost::prepare_experts() {
  padded_ = d_.candidate.exchange == Exchange::capacity_padded && d_.candidate.data_parallel > 1;
  for (const ExpertLayers& layers : d_.experts) {
    ExpertGroup group{.layers = &layers};
    prepare_exchange(group);
    pairs_per_token_ += layers.count * layers.routing->effective_top_k();
    experts_.push_back(std::move(group));
  }
}

const models::RankLoad& ModelStepCost::busiest(ExpertGroup& group,
                                               std::int64_t group_tokens) const {
  auto found = group.loads.find(group_tokens);
  if (found == group.loads.end()) {
    found = group.loads
                .emplace(group_tokens,
                         group.layers->placed->largest_rank_load(static_cast<double>(group_tokens),
                                                                 d_.candidate.expert_ranks()))
                .first;
  }
  return found->second;
}

// The TP ranks of a group each have their share of the rank's tokens.
std::int64_t ModelStepCost::capacity_of(const models::MoeFfn& moe,
                                        std::int64_t largest_rank) const {
  const double own = static_cast<double>(largest_rank) / d_.candidate.tensor_parallel;
  return models::expert_capacity(moe.router.capacity_factor, moe.router.minimum_capacity, moe.top_k,
                                 std::llround(own), moe.experts);
}

// What all ranks' tokens cost together.
ModelStepCost::Priced ModelStepCost::price_experts(std::int64_t group_tokens,
                                                   std::int64_t largest_rank) {
  Sum sum;
  const Candidate& c = d_.candidate;
  const auto t = static_cast<double>(group_tokens);
  for (ExpertGroup& group : experts_) {
    const models::MoeFfn& moe = group.layers->moe;
    const double count = group.layers->count;
    const models::ExpertShape shape{
        .hidden = d_.architecture.hidden,
        .intermediate = c.expert_parallel ? moe.intermediate : moe.intermediate / c.gpus,
        .top_k = moe.top_k,
        .experts = moe.experts,
        .local_experts = group.layers->local_experts(),
        .gated = moe.gated,
        .precision = d_.architecture.experts_in(d_.scenario->precision)};
    const models::RankLoad& rank = busiest(group, group_tokens);
    models::ExpertLoad load{
        .tokens = t, .pairs = rank.pairs, .active_experts = rank.active_experts};
    if (padded_) {
      const auto capacity = static_cast<double>(capacity_of(moe, largest_rank));
      load.active_experts = static_cast<double>(shape.local_experts);
      load.pairs = load.active_experts * capacity * c.gpus;
      load.tokens = load.pairs * c.gpus / static_cast<double>(moe.top_k);
    }
    sum.add(Phase::expert, laws_.expert.estimate(shape, load), expert_, count);
    if (moe.shared_experts > 0) {
      // Shared experts run for every token of the rank, sharded over its TP group; one after the
      // other with the routed ones (stated: no overlap).
      const auto own = static_cast<double>(largest_rank);
      const std::int64_t width = moe.shared_intermediate / c.tensor_parallel;
      sum.add(Phase::expert,
              laws_.dense.estimate(own, (moe.gated ? 2 : 1) * width, d_.architecture.hidden),
              dense_, count);
      sum.add(Phase::expert, laws_.dense.estimate(own, d_.architecture.hidden, width), dense_,
              count);
    }
    if (c.gpus > 1) {
      add_exchange(group, t, largest_rank, rank.pairs, sum);
    }
  }
  return sum.priced();
}

ExpertRows ModelStepCost::expert_rows(std::span<const RankBatch> ranks) {
  ExpertRows rows;
  std::int64_t largest = 0;
  for (const RankBatch& batch : ranks) {
    largest = std::max(largest, batch.tokens());
    rows.routed += static_cast<double>(batch.tokens()) * pairs_per_token_;
  }
  if (!padded_) {
    return rows;
  }
  const auto dropped_by = [&](std::int64_t own) {
    const std::int64_t key = own * (std::int64_t{1} << 24) + largest;
    auto found = dropped_.find(key);
    if (found == dropped_.end()) {
      double sum = 0.0;
      for (const ExpertGroup& group : experts_) {
        sum +=
            group.layers->count * models::expected_dropped(*group.layers->routing, own,
                                                           capacity_of(group.layers->moe, largest));
      }
      found = dropped_.emplace(key, sum).first;
    }
    return found->second;
  };
  const std::int64_t tp = d_.candidate.tensor_parallel;
  for (const RankBatch& batch : ranks) {
    // Of the TP ranks that share a batch, some have one token more.
    const std::int64_t more = batch.tokens() % tp;
    rows.dropped += static_cast<double>(more) * dropped_by(batch.tokens() / tp + 1) +
                    static_cast<double>(tp - more) * dropped_by(batch.tokens() / tp);
  }
  for (const ExpertGroup& group : experts_) {
    const models::MoeFfn& moe = group.layers->moe;
    rows.buffer_rows += group.layers->count * d_.candidate.gpus *
                        static_cast<double>(moe.experts * capacity_of(moe, largest));
  }
  return rows;
}

}  // namespace moeplan::sim
