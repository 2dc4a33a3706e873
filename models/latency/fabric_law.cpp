#include "models/latency/fabric_law.hpp"

#include <fmt/format.h>

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
      island_(island) {
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

double FabricLaw::tier_seconds(const Tier& tier, Collective collective, double ranks,
                               double bytes) {
  if (ranks <= 1.0) {
    return 0.0;
  }
  const double passes = collective == Collective::all_reduce ? 2.0 : 1.0;
  return passes * (std::ceil(std::log2(ranks)) * tier.latency +
                   (ranks - 1.0) / ranks * bytes / tier.bandwidth);
}

double FabricLaw::seconds(Collective collective, int ranks, double bytes) const {
  if (ranks <= island_ || !between_) {
    return kCollectiveLaunch + tier_seconds(inside_, collective, ranks, bytes);
  }
  const double island = island_;
  const double nodes = std::ceil(ranks / island);
  const double far = collective == Collective::all_to_all ? bytes : bytes / island;
  const double near = collective == Collective::all_to_all ? bytes / nodes : bytes;
  return kCollectiveLaunch + tier_seconds(inside_, collective, island, near) +
         tier_seconds(*between_, collective, nodes, far);
}

}  // namespace moeplan::models
