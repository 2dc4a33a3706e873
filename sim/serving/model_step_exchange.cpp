// ModelStepCost: dispatch and combine of MoE layers (serving.md 1).

#include <algorithm>
#include <cmath>

#include "models/routing/capacity.hpp"
#include "sim/serving/exchange_traffic.hpp"
#include "sim/serving/model_step_sum.hpp"

namespace moeplan::sim {

using models::Collective;

// Volumes of an all-to-all exchange for one token on every rank.
void ModelStepCost::prepare_exchange() {
  const Candidate& c = d_.candidate;
  if (c.data_parallel == 1 ||
      (c.exchange != Exchange::alltoall_per_expert && c.exchange != Exchange::alltoall_per_rank)) {
    return;
  }
  const std::vector<double> one(static_cast<std::size_t>(c.gpus), 1.0);
  const double ranks = c.gpus;
  // As the law counts: what an even rank sends to all, itself included.
  rows_per_token_ = dispatch_traffic(routing_, c.exchange, one).busiest() * ranks / (ranks - 1.0);
  const ExchangeTraffic pairs = dispatch_traffic(routing_, Exchange::alltoall_per_expert, one);
  for (int rank = 0; rank < c.gpus; ++rank) {
    largest_share_ = std::max(largest_share_, pairs.received(rank) / ranks);
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

// Dispatch and combine of `count` equal MoE layers; serving.md 1.
void ModelStepCost::add_exchange(const models::MoeFfn& moe, double count, double group_tokens,
                                 double rank_tokens, Sum& sum) const {
  const Candidate& c = d_.candidate;
  const auto& law = laws_.collective;
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
    const double tokens = rank_tokens * c.data_parallel;
    add(Phase::dispatch, Collective::all_gather, c.data_parallel, tokens * (row + logits));
    add(Phase::combine, Collective::reduce_scatter, c.data_parallel, tokens * row);
    add(Phase::combine, Collective::all_reduce, c.tensor_parallel, rank_tokens * row);
    return;
  }
  // The TP ranks of a group each send their share of the rank's tokens.
  const double own = rank_tokens / c.tensor_parallel;
  double rows = 0.0;
  if (c.exchange == Exchange::capacity_padded) {
    rows = static_cast<double>(moe.experts * models::expert_capacity(moe.router.capacity_factor,
                                                                     moe.router.minimum_capacity,
                                                                     moe.top_k, std::llround(own),
                                                                     moe.experts));
  } else {
    // The law is fitted to equal volumes; unequal ones take as long as their busiest rank. Sampling
    // fluctuation raises it as it raises the busiest rank's pairs.
    const double expected = group_tokens * largest_share_;
    const double busiest = routing_.largest_rank_load(group_tokens, c.gpus).pairs;
    rows = own * rows_per_token_ * std::max(1.0, busiest / expected);
  }
  add(Phase::dispatch, Collective::all_to_all, c.gpus, rows * dispatch_row());
  add(Phase::combine, Collective::all_to_all, c.gpus, rows * row);
  add(Phase::combine, Collective::all_gather, c.tensor_parallel, rank_tokens * row);
}

}  // namespace moeplan::sim
