// ModelStepCost: dispatch and combine of MoE layers (serving.md 1).

#include <algorithm>

#include "models/routing/group_limit.hpp"
#include "sim/serving/exchange_traffic.hpp"
#include "sim/serving/model_step_sum.hpp"

namespace moeplan::sim {

using models::Collective;

// Volumes of an all-to-all exchange for one token on every rank.
void ModelStepCost::prepare_exchange(ExpertGroup& group) const {
  const Candidate& c = d_.candidate;
  if (c.data_parallel == 1 ||
      (c.exchange != Exchange::alltoall_per_expert && c.exchange != Exchange::alltoall_per_rank)) {
    return;
  }
  const ExpertLayers& layers = *group.layers;
  const std::vector<double> one(static_cast<std::size_t>(c.gpus), 1.0);
  const double ranks = c.gpus;
  std::optional<double> distinct;
  if (c.exchange == Exchange::alltoall_per_rank) {
    const models::Router& router = layers.moe.router;
    distinct = models::expected_distinct_ranks(
        *layers.routing, {.groups = router.groups, .kept = router.groups_kept}, layers.placement);
  }
  // As the law counts: what an even rank sends to all, itself included.
  group.rows_per_token =
      dispatch_traffic(*layers.placed, c.exchange, one, distinct).busiest() * ranks / (ranks - 1.0);
  const ExchangeTraffic pairs =
      dispatch_traffic(*layers.placed, Exchange::alltoall_per_expert, one);
  for (int rank = 0; rank < c.gpus; ++rank) {
    group.largest_share = std::max(group.largest_share, pairs.received(rank) / ranks);
  }
}

const ModelStepCost::LawUse& ModelStepCost::use_of(Collective collective) const {
  switch (collective) {
    case Collective::all_reduce:
      return allreduce_;
    case Collective::all_gather:
      return allgather_;
    case Collective::reduce_scatter:
      return reducescatter_;
    case Collective::all_to_all:
      return all2all_;
  }
  throw std::logic_error("unknown collective");
}

// Bytes of one dispatched row: hidden states as they are, or quantised before they leave when the
// experts take 8-bit inputs (one fp32 scale per 128 elements); DeepSpeed's buffers are not.
double ModelStepCost::dispatch_row() const {
  const auto hidden = static_cast<double>(d_.architecture.hidden);
  const double input = models::activation_bytes(d_.architecture.experts_in(d_.scenario->precision));
  return input == 1.0 && d_.candidate.exchange != Exchange::capacity_padded
             ? hidden + hidden / 128.0 * 4.0
             : hidden * row_bytes_;
}

// Dispatch and combine of the group's layers; serving.md 1.
void ModelStepCost::add_exchange(const ExpertGroup& group, double group_tokens,
                                 std::int64_t rank_tokens, double busiest_pairs, Sum& sum) const {
  const models::MoeFfn& moe = group.layers->moe;
  const double count = group.layers->count;
  const Candidate& c = d_.candidate;
  const auto& law = laws_.collective;
  const auto largest = static_cast<double>(rank_tokens);
  const double row = static_cast<double>(d_.architecture.hidden) * row_bytes_;
  const auto add = [&](Phase phase, Collective kind, int ranks, double bytes) {
    if (ranks > 1) {
      sum.add(phase, law.estimate(kind, ranks, Bytes(bytes)), use_of(kind), count);
    }
  };
  if (c.data_parallel == 1) {
    add(Phase::combine, Collective::all_reduce, c.gpus, group_tokens * row);
    return;
  }
  if (c.exchange == Exchange::allgather_reducescatter) {
    // Router logits travel with the hidden states. Sizes follow the largest rank.
    const double logits = static_cast<double>(moe.experts) * row_bytes_;
    const double tokens = largest * c.data_parallel;
    add(Phase::dispatch, Collective::all_gather, c.data_parallel, tokens * (row + logits));
    add(Phase::combine, Collective::reduce_scatter, c.data_parallel, tokens * row);
    add(Phase::combine, Collective::all_reduce, c.tensor_parallel, largest * row);
    return;
  }
  // The TP ranks of a group each send their share of the rank's tokens.
  const double own = largest / c.tensor_parallel;
  double rows = 0.0;
  if (c.exchange == Exchange::capacity_padded) {
    rows = static_cast<double>(moe.experts * capacity_of(moe, rank_tokens));
  } else {
    // The law is fitted to equal volumes; unequal ones take as long as their busiest rank. Sampling
    // fluctuation raises it as it raises the busiest rank's pairs.
    const double expected = group_tokens * group.largest_share;
    rows = own * group.rows_per_token * std::max(1.0, busiest_pairs / expected);
  }
  add(Phase::dispatch, Collective::all_to_all, c.gpus, rows * dispatch_row());
  add(Phase::combine, Collective::all_to_all, c.gpus, rows * row);
  add(Phase::combine, Collective::all_gather, c.tensor_parallel, largest * row);
}

}  // namespace moeplan::sim
