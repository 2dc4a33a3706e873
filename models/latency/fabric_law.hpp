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

class FabricLaw {
 public:
  // island >= 1 ranks in a node. Without `between`, groups beyond an island run as if the fabric
  // inside went on. Throws: std::logic_error for island < 1.
  FabricLaw(const Fabric& inside, int island, const Fabric* between);

  // launch + hops latency + wire bytes / (bandwidth kBusEfficiency), tier by tier:
  //   all_reduce: 2 (n-1)/n S on n ranks; all_gather, reduce_scatter, all_to_all: (n-1)/n S.
  //   Groups of several nodes: the island's part on S, then between the m nodes on S / island for
  //   all_reduce, all_gather and reduce_scatter; all_to_all splits S by destination.
  // hops: ceil(log2 n), twice for all_reduce. bytes as in CollectiveLatency::estimate.
  double seconds(Collective collective, int ranks, double bytes) const;
  const LawInfo& info() const { return info_; }

 private:
  struct Tier {
    double latency;    // s per hop
    double bandwidth;  // B/s that a collective reaches
  };
  static double tier_seconds(const Tier& tier, Collective collective, double ranks, double bytes);

  LawInfo info_;
  Tier inside_{};
  std::optional<Tier> between_;
  int island_ = 1;
};

// Share of the signalled rate that large collectives reach; assumed for unmeasured fabrics from
// H100 NVLink: NCCL all_gather of 512 MiB on 8 ranks moves 335 of 450 GB/s (aic_nccl_h100_2.29.2).
inline constexpr double kBusEfficiency = 0.74;
// Seconds before the first byte moves: launch of the kernel and its start on all ranks (same
// table: 5 us for two ranks of which one hop is the link's latency).
inline constexpr double kCollectiveLaunch = 4e-6;

}  // namespace moeplan::models
