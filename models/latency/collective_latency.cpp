#include "models/latency/collective_latency.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/latency/law_reader.hpp"
#include "models/latency/p_norm.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

constexpr std::array kCollectives{Collective::all_reduce, Collective::all_gather,
                                  Collective::reduce_scatter, Collective::all_to_all};

// An engine's own kernels reach the memory of the GPUs of their node only.
bool spans_nodes(const LawInfo& law) { return law.kernel_source.starts_with("nccl"); }

}  // namespace

double message_seconds(const MessageTheta& theta, double bytes) {
  return p_norm(theta.launch, std::max(0.0, bytes) / theta.bandwidth, theta.norm);
}

MessageTheta message_theta(const FittedLaw& law) {
  return {.launch = law.value("launch_s"),
          .bandwidth = law.value("bandwidth_Bps"),
          .norm = law.value("norm")};
}

CollectiveLatency::Law CollectiveLatency::make(const FittedLaw& fitted) {
  require_form(fitted, {"message_pnorm_v1"});
  Law law{.info = fitted.info,
          .ranks = static_cast<int>(fitted.constants.at("ranks")),
          .theta = message_theta(fitted),
          .bytes = upper_axis(fitted.info, "bytes")};
  for (const Collective collective : kCollectives) {
    if (family_of(collective) == fitted.info.kernel) {
      law.collective = collective;
    }
  }
  return law;
}

CollectiveLatency::CollectiveLatency(const std::vector<FittedLaw>& laws, const FabricLaw& fabric)
    : fabric_(fabric) {
  for (const FittedLaw& law : laws) {
    laws_.push_back(make(law));
  }
}

bool CollectiveLatency::measured(Collective collective, const RankGroup& group) const {
  return fabric_.nodes_of(group) == 1 &&
         std::any_of(laws_.begin(), laws_.end(), [&](const Law& law) {
           return law.collective == collective && law.ranks == group.ranks;
         });
}

bool CollectiveLatency::exact(Collective collective, int ranks, double bytes, bool spanning,
                              Estimate& best) const {
  bool found = false;
  for (const Law& law : laws_) {
    if (law.collective != collective || law.ranks != ranks ||
        (spanning && !spans_nodes(law.info))) {
      continue;
    }
    const Estimate estimate{seconds(message_seconds(law.theta, bytes)), !law.bytes.contains(bytes)};
    if (!found || estimate.duration < best.duration) {
      best = estimate;
    }
    found = true;
  }
  return found;
}

Estimate CollectiveLatency::estimate(Collective collective, const RankGroup& group,
                                     Bytes size) const {
  require(group.ranks >= 1, "a collective needs at least one rank");
  if (group.ranks == 1) {
    return {};
  }
  const double bytes = in_bytes(size);
  const int nodes = fabric_.nodes_of(group);
  if (nodes == 1) {
    return one_node(collective, group.ranks, bytes, false);
  }
  // Of an all-to-all a node's fabric carries only what stays on the node.
  const double inside = collective == Collective::all_to_all ? bytes / nodes : bytes;
  const double stated = fabric_.seconds(collective, group, bytes);
  const int island = (group.ranks + nodes - 1) / nodes;
  if (island == 1) {
    return {seconds(stated), true};
  }
  const Seconds near = one_node(collective, island, inside, true).duration;
  const double more = stated - fabric_.seconds(collective, {island, 1}, inside);
  return {near + seconds(std::max(0.0, more)), true};
}

Estimate CollectiveLatency::one_node(Collective collective, int ranks, double bytes,
                                     bool spanning) const {
  Estimate best;
  if (exact(collective, ranks, bytes, spanning, best)) {
    return best;
  }
  int below = 0;
  int above = 0;
  for (const Law& law : laws_) {
    if (law.collective == collective && !(spanning && !spans_nodes(law.info))) {
      if (law.ranks < ranks) {
        below = std::max(below, law.ranks);
      } else if (above == 0 || law.ranks < above) {
        above = law.ranks;
      }
    }
  }
  if (below > 0 && above > 0) {
    Estimate low;
    Estimate high;
    exact(collective, below, bytes, spanning, low);
    exact(collective, above, bytes, spanning, high);
    const double share =
        std::log(static_cast<double>(ranks) / below) / std::log(static_cast<double>(above) / below);
    return {low.duration * std::pow(high.duration / low.duration, share), true};
  }
  const int nearest = below > 0 ? below : above;
  if (nearest == 0) {
    return {seconds(spanning ? fabric_.seconds(collective, {ranks, 1}, bytes)
                             : fabric_.engine_seconds(collective, {ranks, 1}, bytes)),
            true};
  }
  const double stated = fabric_.seconds(collective, {ranks, 1}, bytes);
  exact(collective, nearest, bytes, spanning, best);
  const double more = stated - fabric_.seconds(collective, {nearest, 1}, bytes);
  return {best.duration + seconds(std::max(0.0, more)), true};
}

std::vector<LawInfo> CollectiveLatency::info() const {
  std::vector<LawInfo> all;
  for (const Law& law : laws_) {
    all.push_back(law.info);
  }
  if (all.empty()) {
    all.push_back(fabric_.info());
  }
  return all;
}

std::vector<LawInfo> CollectiveLatency::info(Collective collective, const RankGroup& group) const {
  const bool spanning = fabric_.nodes_of(group) > 1;
  std::vector<LawInfo> all;
  for (const Law& law : laws_) {
    if (law.collective == collective && !(spanning && !spans_nodes(law.info))) {
      all.push_back(law.info);
    }
  }
  if (spanning || all.empty()) {
    all.push_back(fabric_.info());
    all.back().kernel = family_of(collective);
  }
  return all;
}

LawSupport CollectiveLatency::support(Collective collective, const RankGroup& group) const {
  const bool spanning = fabric_.nodes_of(group) > 1;
  LawSupport support;
  bool fitted = false;
  for (const Law& law : laws_) {
    if (law.collective == collective && !(spanning && !spans_nodes(law.info))) {
      support.add(law.info);
      fitted = true;
    }
  }
  if (spanning || !fitted) {
    support.add(fabric_.info());
  }
  return support;
}

}  // namespace moeplan::models
