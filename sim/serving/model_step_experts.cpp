// ModelStepCost: the MoE layers, and what becomes of their (token, expert) pairs (serving.md 2, 4).

#include <algorithm>
#include <cmath>

#include "models/routing/capacity.hpp"
#include "sim/serving/model_step_sum.hpp"

namespace moeplan::sim {

void ModelStepCost::prepare_experts() {
  const Candidate& c = d_.candidate;
  padded_ = c.exchange == Exchange::capacity_padded && c.data_parallel > 1;
  std::optional<ExchangeNetwork> network;
  if (d_.scenario->network.flows && c.data_parallel > 1) {
    network.emplace(d_.hardware(), d_.scenario->network, c.gpus);
  }
  for (const ExpertLayers& layers : d_.experts) {
    const models::MoeFfn& moe = layers.moe;
    ExpertGroup group{.layers = &layers, .shape = {}, .routed = {}};
    group.shape = {.hidden = d_.architecture.hidden,
                   .intermediate = c.expert_parallel ? moe.intermediate : moe.intermediate / c.gpus,
                   .top_k = moe.top_k,
                   .experts = moe.experts,
                   .local_experts = layers.local_experts(),
                   .gated = moe.gated,
                   .precision = d_.architecture.experts_in(d_.scenario->precision)};
    prepare_exchange(group, network ? &*network : nullptr);
    pairs_per_token_ += layers.count * layers.routing->effective_top_k();
    experts_.push_back(std::move(group));
  }
}

const ModelStepCost::ExpertGroup::Routed& ModelStepCost::busiest(ExpertGroup& group,
                                                                 std::int64_t group_tokens) const {
  auto found = group.routed.find(group_tokens);
  if (found == group.routed.end()) {
    const auto t = static_cast<double>(group_tokens);
    const models::RankLoad load =
        group.layers->placed->largest_rank_load(t, d_.candidate.expert_ranks());
    const models::Estimate estimate = laws_.expert.estimate(
        group.shape, {.tokens = t, .pairs = load.pairs, .active_experts = load.active_experts});
    found = group.routed.emplace(group_tokens, ExpertGroup::Routed{load, estimate}).first;
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
    const ExpertGroup::Routed& routed = busiest(group, group_tokens);
    if (padded_) {
      // Buffers are computed full or empty, those of all ranks.
      const auto capacity = static_cast<double>(capacity_of(moe, largest_rank));
      models::ExpertLoad load;
      load.active_experts = static_cast<double>(group.shape.local_experts);
      load.pairs = load.active_experts * capacity * c.gpus;
      load.tokens = load.pairs * c.gpus / static_cast<double>(moe.top_k);
      sum.add(Phase::expert, laws_.expert.estimate(group.shape, load), expert_, count);
    } else {
      sum.add(Phase::expert, routed.estimate, expert_, count);
    }
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
      add_exchange(group, t, largest_rank, routed.load.pairs, sum);
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
