#include "models/latency/fabric_law.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/latency/p_norm.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// sd of ln(t): its 5-95 % band covers nine in ten rows of every NCCL table of A100, whose figures
// are not in this law: 0.28 (all-reduce) to 0.46 (all-to-all), all of them longer than predicted;
// H100, whose constants these are: 0.13 to 0.33 (`./moeplan bench --suite fit`).
constexpr double kFabricBand = 0.46;
// An engine's own all-reduce replayed from a CUDA graph, as vLLM runs it: the sizes and ranks it
// takes are vLLM's (custom_all_reduce.py: 8 MiB, fully connected NVLink); the other figures are
// read off aic_custom_allreduce_h100_vllm0.24.0 (vLLM_custom_graph, 2 to 8 ranks, to 8 MiB).
constexpr double kEngineAllReduceBytes = 8.0 * 1024 * 1024;
constexpr int kEngineAllReduceRanks = 8;
constexpr double kEngineOneShot = 4.5e-6;  // every rank reads all others' rows
constexpr double kEngineTwoShot = 9e-6;    // reduce-scatter, then all-gather
constexpr double kEngineEfficiency = 0.65;

}  // namespace

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

WireBytes wire_bytes(Collective collective, double nodes, double island, double bytes) {
  const double ranks = nodes * island;
  switch (collective) {
    case Collective::all_to_all:
      return {(island - 1.0) / ranks * bytes, (nodes - 1.0) / nodes * bytes};
    case Collective::all_reduce:
      return {2.0 * ((island - 1.0) / island * bytes),
              2.0 * ((nodes - 1.0) / nodes * (bytes / island))};
    case Collective::all_gather:
    case Collective::reduce_scatter:
      return {(island - 1.0) / island * bytes, (nodes - 1.0) / nodes * (bytes / island)};
  }
  throw std::logic_error("unknown collective");
}

FabricLaw::FabricLaw(const Fabric& inside, int island, const Fabric* between)
    : inside_{in_seconds(inside.latency), inside.bandwidth.value() * kBusEfficiency},
      island_(island),
      shares_port_(inside.kind == Fabric::Kind::pcie),
      has_engine_kernel_(inside.kind == Fabric::Kind::nvlink) {
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
           .discrepancy_sd_log = kFabricBand,
           .domain = {},
           .datasheet = true};
}

double FabricLaw::passes(Collective collective) {
  return collective == Collective::all_reduce ? 2.0 : 1.0;
}

int FabricLaw::nodes_of(const RankGroup& group) const {
  return between_ ? group.nodes.value_or((group.ranks + island_ - 1) / island_) : 1;
}

FabricLaw::Shape FabricLaw::shape_of(const RankGroup& group) const {
  const double nodes = nodes_of(group);
  const double island = std::ceil(group.ranks / nodes);  // of this group
  return {.nodes = nodes, .island = island, .ranks = nodes * island};
}

double FabricLaw::start_seconds(Collective collective, const RankGroup& group) const {
  const Shape shape = shape_of(group);
  const bool to_all = collective == Collective::all_to_all;
  const double steps = to_all ? std::min(1.0, shape.island - 1.0) : shape.island - 1.0;
  double hops = steps * (inside_.latency + kRingStep);
  if (shape.nodes > 1.0) {
    hops += std::ceil(std::log2(shape.nodes)) * between_->latency;
  }
  return kCollectiveLaunch + passes(collective) * hops;
}

double FabricLaw::wire_seconds(Collective collective, const RankGroup& group, double bytes) const {
  const auto [nodes, island, ranks] = shape_of(group);
  if (ranks <= 1.0) {
    return 0.0;
  }
  auto [near, far] = wire_bytes(collective, nodes, island, bytes);
  double far_seconds = 0.0;
  if (nodes > 1.0) {
    far_seconds = far / between_->bandwidth;
    near += shares_port_ ? far : 0.0;
  }
  return std::max(near / inside_.bandwidth, far_seconds);
}

double FabricLaw::seconds(Collective collective, const RankGroup& group, double bytes) const {
  return p_norm(start_seconds(collective, group), wire_seconds(collective, group, bytes),
                kCollectiveNorm);
}

double FabricLaw::engine_seconds(Collective collective, const RankGroup& group,
                                 double bytes) const {
  const double library = seconds(collective, group, bytes);
  if (collective != Collective::all_reduce || !has_engine_kernel_ || nodes_of(group) > 1 ||
      group.ranks < 2 || group.ranks > kEngineAllReduceRanks || bytes > kEngineAllReduceBytes) {
    return library;
  }
  const double rate = inside_.bandwidth / kBusEfficiency * kEngineEfficiency;
  const double others = group.ranks - 1.0;
  return std::min({library, kEngineOneShot + others * bytes / rate,
                   kEngineTwoShot + 2.0 * others / group.ranks * bytes / rate});
}

}  // namespace moeplan::models
