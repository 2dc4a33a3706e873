#pragma once
// KvTransfer: the way of a prompt's KV cache from the GPUs that computed it to those that decode.
// Contract: start() at instants that never decrease; every transfer ends once; deterministic.
// Implementations: KvTransferLaw (volume over stated rate, transfers do not meet) and
// KvTransferFlows (max-min fair flows that share the cluster's links).
//
// Which GPU sends to which, in tensor-parallel groups of S senders and R receivers (one divides the
// other): receiver j needs the cache of its own shard; with S <= R it comes from sender j S / R,
// else in equal parts from the S / R senders from there on, which hold its heads; a cache that is
// replicated (latent attention) comes from one of them.
// Stated idealisations: the whole cache leaves when the prompt is computed (no sending layer by
// layer beside the computation), at the links' stated rates, one message; transfers do not slow the
// exchanges of the engines nor the other way round.
// Source: NixlConnector of vLLM (docs.vllm.ai/en/latest/features/disagg_prefill, read 2026-11-24):
// the decode engine reserves blocks, then reads each rank's shard from the ranks that hold it.

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sim/deployment/deployment.hpp"
#include "sim/engine/event_queue.hpp"
#include "sim/network/flow_network.hpp"

namespace moeplan::sim {

// A data-parallel rank of an engine of its pool.
struct EngineRank {
  std::int32_t engine = 0;
  std::int32_t rank = 0;
};

class KvTransfer {
 public:
  virtual ~KvTransfer() = default;
  // The cache of `tokens` tokens leaves; `id` comes back from advance().
  virtual void start(SimTime now, std::int64_t id, EngineRank prefill, EngineRank decode,
                     std::int64_t tokens) = 0;
  // When something happens next; nothing when nothing is on its way.
  virtual std::optional<SimTime> next_event() = 0;
  // Moves to the instant: what ended since the last call, in order.
  virtual std::vector<std::int64_t> advance(SimTime to) = 0;
};

// The engines of both pools on the cluster: prefill engines first, in order; an engine smaller than
// a node does not straddle two, a larger one begins a node.
class PoolLayout {
 public:
  PoolLayout(const Deployment& prefill, std::int32_t prefill_engines, const Deployment& decode,
             std::int32_t decode_engines);

  int nodes() const { return nodes_; }
  int gpus_per_node() const { return per_node_; }
  // Bytes of a cache of `tokens` tokens by pair of GPUs (numbers on the cluster).
  struct Part {
    int from = 0;
    int to = 0;
    Bytes volume;
  };
  std::vector<Part> parts(EngineRank prefill, EngineRank decode, std::int64_t tokens) const;
  // What all receivers together get of it.
  Bytes volume(std::int64_t tokens) const;

 private:
  struct LayerGroup {         // layers with one window
    std::int64_t window = 0;  // 0: none
    Bytes per_token;          // on one decode GPU
  };
  Bytes shard(std::int64_t tokens) const;  // of one receiver

  int per_node_;
  int nodes_ = 0;
  int prefill_tp_;
  int decode_tp_;
  bool replicated_ = false;  // latent attention
  std::vector<LayerGroup> layers_;
  std::vector<int> prefill_first_;  // [engines]: first GPU
  std::vector<int> decode_first_;
};

// Volume over stated rate of the fullest port, in parallel over GPUs, plus the latency of the
// fabric inside a node or of the uplink between nodes.
class KvTransferLaw : public KvTransfer {
 public:
  // The layout and the option must outlive it.
  KvTransferLaw(const PoolLayout& layout, const HardwareOption& hardware);
  // Of one transfer, whatever else is on its way.
  Seconds time(EngineRank prefill, EngineRank decode, std::int64_t tokens) const;

  void start(SimTime now, std::int64_t id, EngineRank prefill, EngineRank decode,
             std::int64_t tokens) override;
  std::optional<SimTime> next_event() override;
  std::vector<std::int64_t> advance(SimTime to) override;

 private:
  const PoolLayout& layout_;
  const HardwareOption& hardware_;
  EventQueue<std::int64_t> ends_;
};

// Every part is a flow on the cluster's links; the transfer ends with its last part.
class KvTransferFlows : public KvTransfer {
 public:
  // The layout must outlive it. The topology has a device for every GPU of the layout's nodes.
  KvTransferFlows(const PoolLayout& layout, const Topology& topology);
  KvTransferFlows(const KvTransferFlows&) = delete;
  KvTransferFlows& operator=(const KvTransferFlows&) = delete;

  void start(SimTime now, std::int64_t id, EngineRank prefill, EngineRank decode,
             std::int64_t tokens) override;
  std::optional<SimTime> next_event() override { return network_.next_event(); }
  std::vector<std::int64_t> advance(SimTime to) override;

 private:
  struct Running {
    std::int64_t id = 0;
    std::int32_t parts = 0;  // still on their way
  };

  const PoolLayout& layout_;
  Routes routes_;
  FlowNetwork network_;
  std::vector<Running> transfers_;        // every one ever started
  std::vector<std::size_t> transfer_of_;  // [flow]
};

// The transfers that the scenario's hardware.network means, for engines of one hardware option.
std::unique_ptr<KvTransfer> make_kv_transfer(const PoolLayout& layout,
                                             const HardwareOption& hardware,
                                             const NetworkOptions& network);

}  // namespace moeplan::sim
