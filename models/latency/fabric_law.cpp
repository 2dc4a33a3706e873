#include "models/latency/fabric_law.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::models {

std::string_view family_of(Collective collective) {
  switch (collective) {
    case Collective::all_reduce:
      return "allreduce";
    case Collective::all_gather:
      return "allgather";
    case Collective::reduce_scatter:
      return "reducescatter";
    case Collective::all_to_all:
      return "all2all";
  }
  return "";
}

FabricLaw::FabricLaw(const Fabric& inside, int island, const Fabric* between)
    : inside_{in_seconds(inside.latency), inside.bandwidth.value() * kBusEfficiency},
      island_(island),
      shares_port_(inside.kind == Fabric::Kind::pcie) {
  require(island >= 1, "an island has at least one rank");
  std::string links = inside.id;
  if (between != nullptr) {
    between_ = Tier{in_seconds(between->latency), between->bandwidth.value() * kBusEfficiency};
    links += " and " + between->id;
  }
  info_ = {.kernel = "all2all",
           .dtype = "any",
           .form = "fabric",
           .source = fmt::format("assumed: {} of the stated rate of {}", kBusEfficiency, links),
           .discrepancy_sd_log = 0.35,
           .domain = {},
           .datasheet = true};
}

int FabricLaw::nodes_of(const RankGroup& group) const {
  return between_ ? group.nodes.value_or((group.ranks + island_ - 1) / island_) : 1;
}

double FabricLaw::seconds(Collective collective, const RankGroup& group, double bytes) const {
  const double nodes = nodes_of(group);
  const double island = std::ceil(group.ranks / nodes);  // of this group
  const double ranks = nodes * island;
  if (ranks <= 1.0) {
    return kCollectiveLaunch;
  }
  const bool to_all = collective == Collective::all_to_all;
  double near = to_all ? (island - 1.0) / ranks * bytes : (island - 1.0) / island * bytes;
  double hops = std::ceil(std::log2(island)) * inside_.latency;
  double far_seconds = 0.0;
  if (nodes > 1.0) {
    const double far = (nodes - 1.0) / nodes * (to_all ? bytes : bytes / island);
    far_seconds = far / between_->bandwidth;
    near += shares_port_ ? far : 0.0;
    hops += std::ceil(std::log2(nodes)) * between_->latency;
  }
  const double passes = collective == Collective::all_reduce ? 2.0 : 1.0;
  return kCollectiveLaunch + passes * (hops + std::max(near / inside_.bandwidth, far_seconds));
}

}  // namespace moeplan::models
