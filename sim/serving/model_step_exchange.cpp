// ModelStepCost: dispatch and combine of MoE layers (serving.md 1).

#include <algorithm>
#include <array>

#include "models/routing/exchange_traffic.hpp"
#include "sim/deployment/exchange_memory.hpp"
#include "sim/serving/model_step_sum.hpp"

namespace moeplan::sim {

using models::Collective;
using models::ExchangeMode;
using models::ExchangePhase;

namespace {

// Nobody measured an exchange that waits for other links than its ports.
models::Estimate stretched(models::Estimate estimate, double stretch) {
  estimate.extrapolated = estimate.extrapolated || stretch > 1.0 + 1e-9;
  return estimate;
}

}  // namespace

// Volumes of an all-to-all exchange for one token on every rank. network: where flows are wanted.
void ModelStepCost::prepare_exchange(ExpertGroup& group, ExchangeNetwork* network) {
  const Candidate& c = d_.candidate;
  if (c.data_parallel == 1) {
    return;
  }
  if (c.exchange == Exchange::capacity_padded && network != nullptr) {
    const auto pairs = static_cast<std::size_t>(c.gpus) * static_cast<std::size_t>(c.gpus);
    group.stretch =
        network->stretch(models::ExchangeTraffic(c.gpus, std::vector<double>(pairs, 1.0)));
  }
  if (c.exchange != Exchange::alltoall_per_expert && c.exchange != Exchange::alltoall_per_rank) {
    return;
  }
  const ExpertLayers& layers = *group.layers;
  const std::vector<double> one(static_cast<std::size_t>(c.gpus), 1.0);
  const double ranks = c.gpus;
  const models::NodeLayout layout{.ranks = c.gpus, .per_node = d_.hardware().gpu.gpus_per_node};
  const auto traffic = [&](Exchange exchange) {
    models::DistinctParts distinct;
    if (exchange == Exchange::alltoall_per_rank) {
      const models::Router& router = layers.moe.router;
      distinct = models::distinct_parts(*layers.routing,
                                        {.groups = router.groups, .kept = router.groups_kept},
                                        layers.placement, layout);
    }
    return dispatch_traffic(*layers.placed, exchange, layout, one, distinct);
  };
  // As the law counts: what an even rank sends to all, itself included.
  group.rows_per_token = traffic(c.exchange).busiest() * ranks / (ranks - 1.0);
  const models::ExchangeTraffic pairs = traffic(Exchange::alltoall_per_expert);
  for (int rank = 0; rank < c.gpus; ++rank) {
    group.largest_share = std::max(group.largest_share, pairs.received(rank) / ranks);
  }
  has_exchange_kernels_ = c.exchange == Exchange::alltoall_per_rank &&
                          laws_.exchange.takes(ExchangeMode::normal, layout.nodes(), 0.0);
  if (has_exchange_kernels_) {
    group.normal = traffic(Exchange::alltoall_per_rank).volume();
    group.low_latency = pairs.volume();
  }
  if (network != nullptr) {
    group.stretch = network->stretch(traffic(c.exchange));
    group.low_latency_stretch = has_exchange_kernels_ ? network->stretch(pairs) : NetworkStretch{};
  }
}

// What the collective's bias and marks rest on in this deployment.
ModelStepCost::LawUse ModelStepCost::use_of(Collective collective, const models::RankGroup& group) {
  const bool kernels = collective == Collective::all_to_all && has_exchange_kernels_;
  const LawUse use = use_of(kernels ? laws_.exchange.support(d_.stage_nodes())
                                    : laws_.collective.support(collective, group),
                            models::family_of(collective));
  if (group.ranks > 1 &&
      !(kernels ? laws_.exchange.measured(group) : laws_.collective.measured(collective, group))) {
    names_.back().ranks = group.ranks;
    names_.back().nodes = group.nodes.value_or(1);
  }
  return use;
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

// Hidden states are dispatched as they are, or quantised before they leave when the experts take
// 8-bit inputs; DeepSpeed's buffers are not.
bool ModelStepCost::quantised_dispatch() const {
  return models::activation_bytes(d_.architecture.experts_in(d_.scenario->precision)) == 1.0 &&
         d_.candidate.exchange != Exchange::capacity_padded;
}

// Bytes of one dispatched row (one fp32 scale per 128 quantised elements).
double ModelStepCost::dispatch_row() const {
  const auto hidden = static_cast<double>(d_.architecture.hidden);
  return quantised_dispatch() ? models::dispatch_row_bytes(ExchangeMode::normal, hidden, true)
                              : hidden * row_bytes_;
}

// Dispatch and combine by kernels made for it. Engines have both kinds at hand (low latency for
// decode, normal for prefill); here the faster of those whose buffers hold the batch answers.
void ModelStepCost::add_exchange_kernels(const ExpertGroup& group, double own, double unevenness,
                                         Sum& sum) const {
  const auto hidden = static_cast<double>(d_.architecture.hidden);
  using Halves = std::array<models::Estimate, 2>;
  const auto price = [&](ExchangeMode mode, const models::ExchangeVolume& per_token,
                         const NetworkStretch& stretch) {
    const auto half = [&](ExchangePhase phase, double row, double longer) {
      const double bytes = own * unevenness * row;
      const auto estimate =
          laws_.exchange.estimate(mode, phase, d_.engine_group(),
                                  {.tokens = own,
                                   .experts = static_cast<double>(group.layers->moe.experts),
                                   .hidden = hidden,
                                   .own_bytes = own * row,
                                   .near_bytes = per_token.near * bytes * longer,
                                   .far_bytes = per_token.far * bytes * longer,
                                   .staged_bytes = per_token.staged * bytes});
      return stretched(estimate, longer);
    };
    return Halves{
        half(ExchangePhase::dispatch,
             models::dispatch_row_bytes(mode, hidden, quantised_dispatch()), stretch.dispatch),
        half(ExchangePhase::combine, hidden * row_bytes_, stretch.combine)};
  };
  Halves best = price(ExchangeMode::normal, group.normal, group.stretch);
  if (own <= static_cast<double>(kLowLatencyTokens) &&
      laws_.exchange.takes(ExchangeMode::low_latency, d_.stage_nodes(), own)) {
    const Halves other =
        price(ExchangeMode::low_latency, group.low_latency, group.low_latency_stretch);
    if (other[0].duration + other[1].duration < best[0].duration + best[1].duration) {
      best = other;
    }
  }
  sum.add(Phase::dispatch, best[0], all2all_, group.layers->count);
  sum.add(Phase::combine, best[1], all2all_, group.layers->count);
}

// Dispatch and combine of the group's layers; serving.md 1.
void ModelStepCost::add_exchange(const ExpertGroup& group, double group_tokens,
                                 std::int64_t rank_tokens, double busiest_pairs, Sum& sum) const {
  const models::MoeFfn& moe = group.layers->moe;
  const Candidate& c = d_.candidate;
  const auto largest = static_cast<double>(rank_tokens);
  const double row = static_cast<double>(d_.architecture.hidden) * row_bytes_;
  const auto add = [&](Phase phase, Collective kind, const models::RankGroup& ranks, double bytes) {
    if (ranks.ranks > 1) {
      sum.add(phase, laws_.collective.estimate(kind, ranks, Bytes(bytes)), use_of(kind),
              group.layers->count);
    }
  };
  const auto add_half = [&](Phase phase, double bytes, double stretch) {
    const auto estimate = laws_.collective.estimate(Collective::all_to_all, d_.engine_group(),
                                                    Bytes(bytes * stretch));
    sum.add(phase, stretched(estimate, stretch), all2all_, group.layers->count);
  };
  const auto add_all_to_all = [&](double rows) {
    add_half(Phase::dispatch, rows * dispatch_row(), group.stretch.dispatch);
    add_half(Phase::combine, rows * row, group.stretch.combine);
  };
  if (c.data_parallel == 1) {
    add(Phase::combine, Collective::all_reduce, d_.engine_group(), group_tokens * row);
    return;
  }
  if (c.exchange == Exchange::allgather_reducescatter) {
    // Router logits travel with the hidden states. Sizes follow the largest rank.
    const double logits = static_cast<double>(moe.experts) * row_bytes_;
    const double tokens = largest * c.data_parallel;
    add(Phase::dispatch, Collective::all_gather, d_.data_group(), tokens * (row + logits));
    add(Phase::combine, Collective::reduce_scatter, d_.data_group(), tokens * row);
    add(Phase::combine, Collective::all_reduce, d_.tensor_group(), largest * row);
    return;
  }
  // The TP ranks of a group each send their share of the rank's tokens.
  const double own = largest / c.tensor_parallel;
  if (c.exchange == Exchange::capacity_padded) {
    add_all_to_all(static_cast<double>(moe.experts * capacity_of(moe, rank_tokens)));
  } else {
    // The laws are fitted to equal volumes; unequal ones take as long as their busiest rank.
    // Sampling fluctuation raises it as it raises the busiest rank's pairs.
    const double unevenness = std::max(1.0, busiest_pairs / (group_tokens * group.largest_share));
    if (has_exchange_kernels_) {
      add_exchange_kernels(group, own, unevenness, sum);
    } else {
      add_all_to_all(own * group.rows_per_token * unevenness);
    }
  }
  add(Phase::combine, Collective::all_gather, d_.tensor_group(), largest * row);
}

}  // namespace moeplan::sim
