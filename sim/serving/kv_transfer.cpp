#include "sim/serving/kv_transfer.hpp"

#include <algorithm>
#include <map>

#include "models/architecture/counts.hpp"
#include "models/units/require.hpp"
#include "sim/topology/cluster.hpp"

namespace moeplan::sim {
namespace {

// KV heads are split over the group, at least one each; a latent cache is replicated.
Bytes shard_per_token(const models::Attention& attention, int tensor_parallel,
                      models::Precision precision) {
  if (const auto* gqa = std::get_if<models::GroupedQueryAttention>(&attention)) {
    models::GroupedQueryAttention own = *gqa;
    own.kv_heads = std::max<std::int64_t>(1, gqa->kv_heads / tensor_parallel);
    return models::kv_bytes_per_token(own, precision);
  }
  return models::kv_bytes_per_token(attention, precision);
}

std::int64_t window_of(const models::Attention& attention) {
  const auto* gqa = std::get_if<models::GroupedQueryAttention>(&attention);
  return gqa == nullptr ? 0 : gqa->window.value_or(0);
}

}  // namespace

PoolLayout::PoolLayout(const Deployment& prefill, std::int32_t prefill_engines,
                       const Deployment& decode, std::int32_t decode_engines)
    : per_node_(decode.hardware().machine.gpus),
      prefill_tp_(prefill.candidate.tensor_parallel),
      decode_tp_(decode.candidate.tensor_parallel) {
  require(prefill_tp_ % decode_tp_ == 0 || decode_tp_ % prefill_tp_ == 0,
          "one tensor-parallel size divides the other");
  std::map<std::int64_t, Bytes> by_window;
  const models::SmoeArchitecture& model = decode.architecture;
  for (std::size_t i = model.encoder_layers; i < model.layers.size(); ++i) {
    const models::Attention& attention = model.layers[i].attention;
    replicated_ = replicated_ || std::holds_alternative<models::LatentAttention>(attention);
    by_window[window_of(attention)] +=
        shard_per_token(attention, decode_tp_, decode.scenario->kv_precision);
  }
  for (const auto& [window, per_token] : by_window) {
    layers_.push_back({window, per_token});
  }
  int next = 0;
  const auto place = [&](const Deployment& pool, std::int32_t engines, std::vector<int>& firsts) {
    const int gpus = pool.candidate.gpus;
    for (std::int32_t i = 0; i < engines; ++i) {
      if (next % per_node_ + gpus > per_node_ && next % per_node_ != 0) {
        next += per_node_ - next % per_node_;
      }
      firsts.push_back(next);
      next += gpus;
    }
  };
  place(prefill, prefill_engines, prefill_first_);
  place(decode, decode_engines, decode_first_);
  nodes_ = (next + per_node_ - 1) / per_node_;
}

Bytes PoolLayout::shard(std::int64_t tokens) const {
  Bytes sum;
  for (const LayerGroup& group : layers_) {
    const std::int64_t kept = group.window > 0 ? std::min(tokens, group.window) : tokens;
    sum += group.per_token * static_cast<double>(kept);
  }
  return sum;
}

Bytes PoolLayout::volume(std::int64_t tokens) const { return shard(tokens) * decode_tp_; }

std::vector<PoolLayout::Part> PoolLayout::parts(EngineRank prefill, EngineRank decode,
                                                std::int64_t tokens) const {
  const int first_sender =
      prefill_first_.at(static_cast<std::size_t>(prefill.engine)) + prefill.rank * prefill_tp_;
  const int first_receiver =
      decode_first_.at(static_cast<std::size_t>(decode.engine)) + decode.rank * decode_tp_;
  const int senders = replicated_ ? 1 : std::max(1, prefill_tp_ / decode_tp_);
  const Bytes volume = shard(tokens) / senders;
  std::vector<Part> result;
  for (int j = 0; j < decode_tp_; ++j) {
    for (int s = 0; s < senders; ++s) {
      result.push_back(
          {first_sender + j * prefill_tp_ / decode_tp_ + s, first_receiver + j, volume});
    }
  }
  return result;
}

KvTransferLaw::KvTransferLaw(const PoolLayout& layout, const HardwareOption& hardware)
    : layout_(layout), hardware_(hardware) {}

Seconds KvTransferLaw::time(EngineRank prefill, EngineRank decode, std::int64_t tokens) const {
  std::map<int, Seconds> out;
  std::map<int, Seconds> in;
  Seconds latency(0.0);
  Seconds fullest(0.0);
  for (const PoolLayout::Part& part : layout_.parts(prefill, decode, tokens)) {
    const int per_node = layout_.gpus_per_node();
    const bool inside = part.from / per_node == part.to / per_node;
    const models::Fabric& fabric = inside ? hardware_.fabric : hardware_.uplink;
    latency = std::max(latency, fabric.latency);
    out[part.from] += part.volume / fabric.bandwidth;
    in[part.to] += part.volume / fabric.bandwidth;
    fullest = std::max({fullest, out[part.from], in[part.to]});
  }
  return latency + fullest;
}

void KvTransferLaw::start(SimTime now, std::int64_t id, EngineRank prefill, EngineRank decode,
                          std::int64_t tokens) {
  ends_.push(now + duration_from(time(prefill, decode, tokens)), id);
}

std::optional<SimTime> KvTransferLaw::next_event() {
  return ends_.empty() ? std::nullopt : std::optional(ends_.top_time());
}

std::vector<std::int64_t> KvTransferLaw::advance(SimTime to) {
  std::vector<std::int64_t> ended;
  while (!ends_.empty() && ends_.top_time() <= to) {
    ended.push_back(ends_.pop().event);
  }
  return ended;
}

KvTransferFlows::KvTransferFlows(const PoolLayout& layout, const Topology& topology)
    : layout_(layout), routes_(topology), network_(routes_) {
  require(topology.devices() >= layout.nodes() * layout.gpus_per_node(),
          "the topology has a device for every GPU");
}

void KvTransferFlows::start(SimTime now, std::int64_t id, EngineRank prefill, EngineRank decode,
                            std::int64_t tokens) {
  const std::vector<PoolLayout::Part> parts = layout_.parts(prefill, decode, tokens);
  for (const PoolLayout::Part& part : parts) {
    network_.start(now, DeviceId(part.from), DeviceId(part.to), part.volume);
    transfer_of_.push_back(transfers_.size());
  }
  transfers_.push_back({id, static_cast<std::int32_t>(parts.size())});
}

std::vector<std::int64_t> KvTransferFlows::advance(SimTime to) {
  std::vector<std::int64_t> ended;
  for (const Delivery& delivery : network_.advance(to)) {
    Running& transfer = transfers_[transfer_of_[static_cast<std::size_t>(delivery.flow)]];
    if (--transfer.parts == 0) {
      ended.push_back(transfer.id);
    }
  }
  return ended;
}

std::unique_ptr<KvTransfer> make_kv_transfer(const PoolLayout& layout,
                                             const HardwareOption& hardware,
                                             const NetworkOptions& network) {
  if (!network.flows) {
    return std::make_unique<KvTransferLaw>(layout, hardware);
  }
  const Topology cluster = build_cluster(hardware.machine, hardware.fabric, hardware.uplink,
                                         {.nodes = layout.nodes(),
                                          .nodes_per_leaf = network.nodes_per_leaf,
                                          .oversubscription = network.oversubscription});
  return std::make_unique<KvTransferFlows>(layout, cluster);
}

}  // namespace moeplan::sim
