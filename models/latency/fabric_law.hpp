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

class FabricLaw {
 public:
  // island >= 1 ranks in a node. Without `between`, groups beyond an island run as if the fabric
  // inside went on. Throws: std::logic_error for island < 1.
  FabricLaw(const Fabric& inside, int island, const Fabric* between);

  // One node, n ranks: launch + hops latency + wire bytes / (bandwidth kBusEfficiency) with
  //   all_reduce: 2 (n-1)/n S; all_gather, reduce_scatter, all_to_all: (n-1)/n S.
  // m nodes of g ranks, P = m g, all uplinks in parallel, chunks in a pipeline, so that the slower
  // tier sets the time and the hops of both add up:
  //   max(near / inside, far / uplink), twice both for all_reduce
  //   all_reduce, all_gather, reduce_scatter: near = (g-1)/g S, far = (m-1)/m S / g
  //   all_to_all: near = (g-1)/P S, far = (P-g)/P S
  // Inside a PCIe node the same port leads to the network card: its near counts far too.
  // hops: ceil(log2 n), twice for all_reduce. bytes as in CollectiveLatency::estimate.
  // Source: the bandwidth-optimal hierarchical collectives (Thakur, Rabenseifner, Gropp 2005) that
  // NCCL's rings and trees reach with one network card a GPU; kBusEfficiency as measured inside.
  double seconds(Collective collective, const RankGroup& group, double bytes) const;
  // Nodes that a group lies on; 1 without a fabric between them.
  int nodes_of(const RankGroup& group) const;
  const LawInfo& info() const { return info_; }

 private:
  struct Tier {
    double latency;    // s per hop
    double bandwidth;  // B/s that a collective reaches
  };

  LawInfo info_;
  Tier inside_{};
  std::optional<Tier> between_;
  int island_ = 1;
  bool shares_port_ = false;  // GPU to GPU and GPU to network card over one port
};

// Share of the signalled rate that large collectives reach; assumed for unmeasured fabrics from
// H100 NVLink: NCCL all_gather of 512 MiB on 8 ranks moves 335 of 450 GB/s (aic_nccl_h100_2.29.2).
inline constexpr double kBusEfficiency = 0.74;
// Seconds before the first byte moves: launch of the kernel and its start on all ranks (same
// table: 5 us for two ranks of which one hop is the link's latency).
inline constexpr double kCollectiveLaunch = 4e-6;

}  // namespace moeplan::models
