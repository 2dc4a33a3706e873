#include "sim/timeline/link_bytes.hpp"

#include <algorithm>
#include <cmath>

#include "models/latency/exchange_latency.hpp"
#include "models/routing/capacity.hpp"

namespace moeplan::sim {
namespace {

using models::Collective;
using models::WireBytes;

void add(PhaseBytes& bytes, Phase phase, const WireBytes& more, double times) {
  WireBytes& sum = bytes[static_cast<std::size_t>(phase)];
  sum.near += times * more.near;
  sum.far += times * more.far;
}

bool is_rowwise(Exchange exchange) {
  return exchange == Exchange::alltoall_per_expert || exchange == Exchange::alltoall_per_rank;
}

models::ExchangeVolume volume_of(const Deployment& d, const ExpertLayers& layers) {
  const Candidate& c = d.candidate;
  const models::NodeLayout layout{.ranks = c.gpus, .per_node = d.hardware().gpu.gpus_per_node};
  models::DistinctParts distinct;
  if (c.exchange == Exchange::alltoall_per_rank) {
    const models::Router& router = layers.moe.router;
    distinct = models::distinct_parts(*layers.routing,
                                      {.groups = router.groups, .kept = router.groups_kept},
                                      layers.placement, layout);
  }
  const std::vector<double> one(static_cast<std::size_t>(c.gpus), 1.0);
  return models::dispatch_traffic(*layers.placed, c.exchange, layout, one, distinct).volume();
}

}  // namespace

LinkBytes::LinkBytes(const Deployment& deployment) : d_(deployment) {
  const Candidate& c = d_.candidate;
  const auto hidden = static_cast<double>(d_.architecture.hidden);
  row_ = hidden * models::plain_bytes(d_.scenario->precision);
  const bool quantised =
      models::activation_bytes(d_.architecture.experts_in(d_.scenario->precision)) == 1.0 &&
      c.exchange != Exchange::capacity_padded;
  dispatch_row_ =
      quantised ? models::dispatch_row_bytes(models::ExchangeMode::normal, hidden, true) : row_;
  reduces_ = 1.0;  // of the embedding
  for (const models::Layer& layer : d_.architecture.layers) {
    reduces_ += std::holds_alternative<models::DenseFfn>(layer.ffn) ? 2.0 : 1.0;
    const auto* gqa = std::get_if<models::GroupedQueryAttention>(&layer.attention);
    norm_reduces_ += gqa != nullptr && gqa->qk_norm_whole ? 1.0 : 0.0;
  }
  for (const ExpertLayers& layers : d_.experts) {
    ExpertGroup group{&layers, {}};
    if (c.data_parallel > 1 && is_rowwise(c.exchange)) {
      group.per_token = volume_of(d_, layers);
    }
    experts_.push_back(group);
  }
}

WireBytes LinkBytes::collective(Collective kind, const models::RankGroup& group,
                                double bytes) const {
  const int nodes = group.nodes.value_or(1);
  if (group.ranks <= 1) {
    return {};
  }
  return models::wire_bytes(kind, nodes, std::ceil(static_cast<double>(group.ranks) / nodes),
                            bytes);
}

PhaseBytes LinkBytes::of(std::span<const RankBatch> ranks) const {
  PhaseBytes bytes{};
  std::int64_t group_tokens = 0;
  std::int64_t largest = 0;
  for (const RankBatch& rank : ranks) {
    group_tokens += rank.tokens();
    largest = std::max(largest, rank.tokens());
  }
  const auto t = static_cast<double>(largest);
  const models::RankGroup tensor = d_.tensor_group();
  add(bytes, Phase::allreduce, collective(Collective::all_reduce, tensor, t * row_), reduces_);
  add(bytes, Phase::allreduce, collective(Collective::all_reduce, tensor, 8.0 * t), norm_reduces_);
  if (d_.candidate.gpus > 1) {
    add_experts(static_cast<double>(group_tokens), t, bytes);
  }
  return bytes;
}

// Dispatch and combine of all MoE layers; serving.md 1.
void LinkBytes::add_experts(double group_tokens, double largest, PhaseBytes& bytes) const {
  const Candidate& c = d_.candidate;
  for (const ExpertGroup& group : experts_) {
    const models::MoeFfn& moe = group.layers->moe;
    const auto on = [&](Phase phase, const WireBytes& more) {
      add(bytes, phase, more, group.layers->count);
    };
    if (c.data_parallel == 1) {
      on(Phase::combine,
         collective(Collective::all_reduce, d_.engine_group(), group_tokens * row_));
      continue;
    }
    if (c.exchange == Exchange::allgather_reducescatter) {
      const double logits =
          static_cast<double>(moe.experts) * models::plain_bytes(d_.scenario->precision);
      const double tokens = largest * c.data_parallel;
      on(Phase::dispatch,
         collective(Collective::all_gather, d_.data_group(), tokens * (row_ + logits)));
      on(Phase::combine, collective(Collective::reduce_scatter, d_.data_group(), tokens * row_));
      on(Phase::combine, collective(Collective::all_reduce, d_.tensor_group(), largest * row_));
      continue;
    }
    const double own = largest / c.tensor_parallel;
    if (c.exchange == Exchange::capacity_padded) {
      const models::Router& router = moe.router;
      const auto rows = static_cast<double>(
          moe.experts * models::expert_capacity(router.capacity_factor, router.minimum_capacity,
                                                moe.top_k, std::llround(own), moe.experts));
      on(Phase::dispatch,
         collective(Collective::all_to_all, d_.engine_group(), rows * dispatch_row_));
      on(Phase::combine, collective(Collective::all_to_all, d_.engine_group(), rows * row_));
    } else {
      const models::ExchangeVolume& rows = group.per_token;
      on(Phase::dispatch, {own * rows.near * dispatch_row_, own * rows.far * dispatch_row_});
      on(Phase::combine, {own * rows.near * row_, own * rows.far * row_});
    }
    on(Phase::combine, collective(Collective::all_gather, d_.tensor_group(), largest * row_));
  }
}

}  // namespace moeplan::sim
