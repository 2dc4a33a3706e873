#pragma once
// FabricLaw: time of a collective from the stated rates of the links, for what nobody measured.
// Two tiers: `island` ranks share a fabric inside a node; beyond that each rank has one uplink.

#include <optional>
#include <string_view>

#include "models/hardware/fabric.hpp"
#include "models/latency/law_info.hpp"

namespace moeplan::models {

enum class Collective { all_reduce, all_gather, reduce_scatter, all_to_all };

// Family ids of interface.md: allreduce allgather reducescatter all2all.
std::string_view family_of(Collective collective);

// The ranks of one collective and the nodes they lie on, equally many on each.
struct RankGroup {
  // Without nodes: neighbours, that is, as few nodes as hold them.
  RankGroup(int all, std::optional<int> on = std::nullopt)  // NOLINT: a number is such a group
      : ranks(all), nodes(on) {}
  int ranks;
  std::optional<int> nodes;
};

// What one rank sends over each tier in a collective of `nodes` nodes of `island` ranks: near over
// the fabric inside its node, far over its uplink. S = bytes as in CollectiveLatency::estimate,
// g = island, m = nodes, P = m g, twice both for all_reduce:
//   all_reduce, all_gather, reduce_scatter: near = (g-1)/g S, far = (m-1)/m S / g
//   all_to_all: near = (g-1)/P S, far = (P-g)/P S
// Source: the bandwidth-optimal hierarchical collectives (Thakur, Rabenseifner, Gropp 2005) that
// NCCL's rings and trees reach with one network card a GPU.
struct WireBytes {
  double near = 0.0;
  double far = 0.0;
};
WireBytes wire_bytes(Collective collective, double nodes, double island, double bytes);

class FabricLaw {
 public:
  // island >= 1 ranks in a node. Without `between`, groups beyond an island run as if the fabric
  // inside went on. Throws: std::logic_error for island < 1.
  FabricLaw(const Fabric& inside, int island, const Fabric* between);

  // p_norm(start, wire, kCollectiveNorm): start_seconds and wire_seconds below. The norm under 1 is
  // the middle of the range, where a library has left its short protocol and does not yet fill the
  // links. On H100's NCCL tables, whose constants these are, the median error is 8 % and nine in
  // ten rows are within 33 %; on A100's it is 30 % too short and 48 % (bench suite fit).
  double seconds(Collective collective, const RankGroup& group, double bytes) const;
  // What a serving engine takes for it: on NVLink inside a node, for an all_reduce of 2 to 8 ranks
  // and at most 8 MiB, the least of seconds() and the engine's own kernels in a CUDA graph,
  //   one-shot 4.5 us + (n-1) S / rate, two-shot 9 us + 2 (n-1)/n S / rate, rate = 0.65 of the link
  // (H100: 4 % median); else seconds().
  double engine_seconds(Collective collective, const RankGroup& group, double bytes) const;
  // Before the first byte: launch + passes (steps (latency inside + kRingStep) + ceil(log2 m) hops
  // between m nodes); steps of the ring inside: g-1, 1 for all_to_all; 2 passes for all_reduce.
  double start_seconds(Collective collective, const RankGroup& group) const;
  // wire_bytes() over kBusEfficiency (as measured inside) of the stated rates: near / inside on one
  // node. Several nodes, all uplinks in parallel, chunks in a pipeline, so that the slower tier
  // sets the time and the hops of both add up: max(near / inside, far / uplink).
  // Inside a PCIe node the same port leads to the network card: its near counts far too.
  // bytes as in CollectiveLatency::estimate. 0 for one rank.
  double wire_seconds(Collective collective, const RankGroup& group, double bytes) const;
  // Nodes that a group lies on; 1 without a fabric between them.
  int nodes_of(const RankGroup& group) const;
  const LawInfo& info() const { return info_; }

 private:
  struct Tier {
    double latency;    // s per hop
    double bandwidth;  // B/s that a collective reaches
  };

  struct Shape {
    double nodes;
    double island;  // ranks on each node
    double ranks;
  };
  Shape shape_of(const RankGroup& group) const;
  static double passes(Collective collective);

  LawInfo info_;
  Tier inside_{};
  std::optional<Tier> between_;
  int island_ = 1;
  bool shares_port_ = false;  // GPU to GPU and GPU to network card over one port
  bool has_engine_kernel_ = false;
};

// Share of the signalled rate that large collectives reach; assumed for unmeasured fabrics from
// H100 NVLink: NCCL all_gather of 512 MiB on 8 ranks moves 335 of 450 GB/s (aic_nccl_h100_2.29.2).
inline constexpr double kBusEfficiency = 0.74;
// Seconds before the first byte moves: launch of the kernel and its start on all ranks. Fitted
// with the next two on aic_nccl_h100_2.29.2 (4 collectives, 2 to 8 ranks, 512 B to 512 MiB).
inline constexpr double kCollectiveLaunch = 5e-6;
// Seconds that each step of a ring takes beyond the link's latency.
inline constexpr double kRingStep = 0.3e-6;
// How start and wire add up, see FabricLaw::seconds.
inline constexpr double kCollectiveNorm = 0.6;

}  // namespace moeplan::models
