#include "models/latency/exchange_latency.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/latency/law_reader.hpp"
#include "models/latency/p_norm.hpp"
#include "models/text/input_error.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

constexpr std::array kModes{ExchangeMode::normal, ExchangeMode::low_latency};
constexpr double kHeaderBytes = 16.0;
constexpr double kElementsPerScale = 128.0;
constexpr int kMostRanks = 1 << 20;

}  // namespace

std::string_view kernel_source_of(ExchangeMode mode) {
  return mode == ExchangeMode::normal ? "deepep_normal" : "deepep_ll";
}

double dispatch_row_bytes(ExchangeMode mode, double hidden, bool quantised) {
  return (quantised ? hidden + hidden / kElementsPerScale * 4.0 : 2.0 * hidden) +
         (mode == ExchangeMode::low_latency ? kHeaderBytes : 0.0);
}

double exchange_seconds(const ExchangeTheta& theta, const ExchangeLoad& load) {
  const auto over = [](double bytes, double rate) { return rate > 0.0 ? bytes / rate : 0.0; };
  double busy = std::max({over(load.near_bytes, theta.near), over(load.far_bytes, theta.far),
                          over(load.staged_bytes, theta.staged)});
  if (theta.token > 0.0 && load.experts > 0.0) {
    const double senders =
        std::ceil(load.experts / std::ceil(load.experts / theta.multiprocessors));
    busy = std::max(busy, theta.token * std::ceil(load.tokens / senders));
  }
  return p_norm(theta.launch, busy + over(load.own_bytes, theta.own), theta.norm);
}

ExchangeTheta exchange_theta(const FittedLaw& law) {
  return {.launch = law.value("launch_s"),
          .near = law.value("near_Bps"),
          .far = law.value("far_Bps"),
          .staged = law.value("staged_Bps"),
          .own = law.value("own_Bps"),
          .token = law.value("token_s"),
          .norm = law.value("norm"),
          .multiprocessors = law.constants.at("multiprocessors")};
}

ExchangeLatency::ExchangeLatency(const std::vector<FittedLaw>& laws, const Fabric& inside,
                                 const Fabric* between)
    : inside_(inside) {
  if (between != nullptr) {
    between_ = *between;
  }
  for (const FittedLaw& law : laws) {
    laws_.push_back(make(law));
  }
}

ExchangeLatency::Law ExchangeLatency::make(const FittedLaw& fitted) const {
  require_form(fitted, {"two_tier_v1"});
  require_whole(fitted, "ranks", 2, kMostRanks);
  require_whole(fitted, "nodes", 1, kMostRanks);
  require_whole(fitted, "combine", 0, 1);
  Law law{.info = fitted.info,
          .phase = fitted.constants.at("combine") == 1.0 ? ExchangePhase::combine
                                                         : ExchangePhase::dispatch,
          .ranks = static_cast<int>(fitted.constants.at("ranks")),
          .nodes = static_cast<int>(fitted.constants.at("nodes")),
          .theta = exchange_theta(fitted),
          .tokens = upper_axis(fitted.info, "tokens"),
          .hidden = axis(fitted.info, "hidden"),
          .experts = axis(fitted.info, "experts")};
  const auto mode = std::find_if(kModes.begin(), kModes.end(), [&](ExchangeMode each) {
    return kernel_source_of(each) == fitted.info.kernel_source;
  });
  if (mode == kModes.end()) {
    throw InputError({.code = "E_VALUE",
                      .file = "",
                      .mark = {},
                      .pointer = "/models/kernel_source",
                      .what = "unknown kernels of a two_tier_v1 law",
                      .got = "'" + fitted.info.kernel_source + "'",
                      .expected = "deepep_ll, deepep_normal",
                      .fix = ""});
  }
  law.mode = *mode;
  // Another card in the same place: as much faster as its stated rate.
  const auto scale = [&](double& rate, const Fabric& here, double stated) {
    const double factor = stated > 0.0 ? here.bandwidth.value() / stated : 1.0;
    rate *= factor;
    law.scaled = law.scaled || std::abs(factor - 1.0) > 1e-6;
  };
  scale(law.theta.near, inside_, fitted.constants.at("fabric_Bps"));
  if (law.nodes > 1 && between_) {
    scale(law.theta.far, *between_, fitted.constants.at("uplink_Bps"));
  }
  return law;
}

const ExchangeLatency::Law* ExchangeLatency::find(ExchangeMode mode, ExchangePhase phase,
                                                  int nodes) const {
  const Law* best = nullptr;
  for (const Law& law : laws_) {
    if (law.mode == mode && law.phase == phase && law.nodes <= nodes &&
        (best == nullptr || law.nodes > best->nodes)) {
      best = &law;
    }
  }
  return best;
}

bool ExchangeLatency::measured(const RankGroup& group) const {
  return std::any_of(laws_.begin(), laws_.end(), [&](const Law& law) {
    return law.ranks == group.ranks && law.nodes == group.nodes;
  });
}

bool ExchangeLatency::takes(ExchangeMode mode, int nodes, double tokens) const {
  const Law* dispatch = find(mode, ExchangePhase::dispatch, nodes);
  const Law* combine = find(mode, ExchangePhase::combine, nodes);
  return dispatch != nullptr && combine != nullptr && (nodes == 1 || between_) &&
         (mode == ExchangeMode::normal ||
          (dispatch->tokens.contains(tokens) && combine->tokens.contains(tokens)));
}

Estimate ExchangeLatency::estimate(ExchangeMode mode, ExchangePhase phase, const RankGroup& group,
                                   const ExchangeLoad& load) const {
  require(group.nodes.has_value(), "an exchange knows the nodes of its ranks");
  const int nodes = *group.nodes;
  const Law* law = find(mode, phase, nodes);
  require(law != nullptr && (nodes == 1 || between_), "an exchange mode with laws");
  ExchangeTheta theta = law->theta;
  if (nodes > 1 && law->nodes == 1) {
    theta.far = between_->bandwidth.value() * kBusEfficiency;
    theta.launch += in_seconds(between_->latency);
  }
  const bool inside = nodes == law->nodes && group.ranks == law->ranks && !law->scaled &&
                      law->tokens.contains(load.tokens) && law->hidden.contains(load.hidden) &&
                      law->experts.contains(load.experts);
  return {seconds(exchange_seconds(theta, load)), !inside};
}

std::vector<LawInfo> ExchangeLatency::info(int nodes) const {
  std::vector<LawInfo> all;
  for (const Law& law : laws_) {
    if (find(law.mode, law.phase, nodes) == &law) {
      all.push_back(law.info);
    }
  }
  return all;
}

LawSupport ExchangeLatency::support(int nodes) const {
  LawSupport support;
  for (const Law& law : laws_) {
    if (find(law.mode, law.phase, nodes) == &law) {
      support.add(law.info);
    }
  }
  return support;
}

std::vector<LawInfo> ExchangeLatency::info() const {
  std::vector<LawInfo> all;
  for (const Law& law : laws_) {
    all.push_back(law.info);
  }
  return all;
}

}  // namespace moeplan::models
