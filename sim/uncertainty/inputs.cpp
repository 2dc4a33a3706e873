#include "sim/uncertainty/inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "models/latency/draw_profile.hpp"
#include "models/units/require.hpp"
#include "sim/engine/random_stream.hpp"
#include "sim/uncertainty/skew.hpp"

namespace moeplan::sim {
namespace {

// Normal quantile at 0.95.
constexpr double kBandQuantile = 1.6448536269514722;

double price_sd(const UncertaintyOptions& options) {
  return std::log1p(options.price) / kBandQuantile;
}

bool has_fits(const models::Profile& profile) {
  return std::any_of(profile.laws.begin(), profile.laws.end(),
                     [](const models::FittedLaw& law) { return !law.covariance.empty(); });
}

}  // namespace

UncertainInputs::UncertainInputs(const Scenario& scenario, std::span<const Candidate> compared)
    : scenario_(scenario) {
  std::set<std::string> gpus;
  std::set<std::int64_t> kept;
  for (const Candidate& candidate : compared) {
    gpus.insert(scenario.hardware[candidate.hardware].gpu.id);
    kept.insert(candidate.experts_kept);
  }
  add_laws(compared);
  if (std::any_of(scenario.hardware.begin(), scenario.hardware.end(), [&](const HardwareOption& h) {
        return gpus.count(h.gpu.id) != 0 && h.profile && has_fits(*h.profile);
      })) {
    inputs_.push_back({.kind = InputKind::parameters,
                       .name = "fitted parameters of the profiles",
                       .unit = "percentile of a full step"});
  }
  if (scenario.uncertainty.jitter > 0.0) {
    inputs_.push_back(
        {.kind = InputKind::jitter, .name = "step jitter", .unit = "sd of ln(step time)"});
  }
  const bool routed = !scenario.routing.layers().empty() && !scenario.planned;
  if (routed && scenario.uncertainty.routing > 0.0) {
    inputs_.push_back({.kind = InputKind::routing,
                       .name = "routing skew",
                       .unit = skew_unit(scenario.workload.routing.distribution)});
  }
  if (scenario.accuracy) {
    kept.insert(scenario.pretrained_experts());
    for (const std::int64_t count : kept) {
      const auto estimate = scenario.accuracy->at(count);
      if (estimate && estimate->has_band) {
        const double error = (estimate->high - estimate->low) / 2.0 /
                             models::two_sided_quantile(models::kConfidence);
        inputs_.push_back({.kind = InputKind::accuracy,
                           .name = fmt::format("accuracy at {} experts", count),
                           .unit = "accuracy",
                           .spread = error,
                           .experts_kept = count});
      }
    }
  }
  if (scenario.uncertainty.price > 0.0) {
    for (const std::string& gpu : gpus) {
      inputs_.push_back({.kind = InputKind::price,
                         .name = "price of " + gpu,
                         .unit = "x price book",
                         .gpu = gpu});
    }
  }
}

void UncertainInputs::add_laws(std::span<const Candidate> compared) {
  std::map<std::pair<std::string, std::string>, double> spreads;  // by GPU and family
  for (const Candidate& candidate : compared) {
    const HardwareOption& option = scenario_.hardware[candidate.hardware];
    for (const models::LawInfo& law : option.laws.all()) {
      double& spread = spreads[{option.gpu.id, law.kernel == "permute" ? "stream" : law.kernel}];
      spread = std::max(spread, law.discrepancy_sd_log);
    }
  }
  for (const auto& [key, spread] : spreads) {
    if (spread > 0.0) {
      inputs_.push_back({.kind = InputKind::law,
                         .name = fmt::format("{} law of {}", key.second, key.first),
                         .unit = "x estimate",
                         .gpu = key.first,
                         .kernel = key.second,
                         .spread = spread});
    }
  }
}

World UncertainInputs::estimate() const {
  return {.levels = std::vector<std::optional<double>>(inputs_.size())};
}

World UncertainInputs::draw(std::uint64_t i) const {
  World world = estimate();
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    world.levels[k] =
        unit_interval(RandomStream(scenario_.seed, "uncertain " + inputs_[k].name).at(i));
  }
  world.member = i;
  return world;
}

World UncertainInputs::only(std::size_t input, double level) const {
  World world = estimate();
  world.levels[input] = level;
  return world;
}

World UncertainInputs::only_member(std::size_t input, std::uint64_t member) const {
  World world = only(input, 0.5);
  world.member = member;
  return world;
}

double UncertainInputs::value(std::size_t input, double level) const {
  const UncertainInput& in = inputs_[input];
  switch (in.kind) {
    case InputKind::law:
      return std::exp(in.spread * normal_quantile(level));
    case InputKind::jitter:
      return scenario_.engine.jitter + scenario_.uncertainty.jitter * level;
    case InputKind::routing:
      return skew_at(scenario_.workload.routing, scenario_.uncertainty.routing, level);
    case InputKind::accuracy:
      return std::clamp(
          scenario_.accuracy->at(in.experts_kept)->value + in.spread * normal_quantile(level), 0.0,
          1.0);
    case InputKind::price:
      return std::exp(price_sd(scenario_.uncertainty) * normal_quantile(level));
    case InputKind::parameters:
      break;
  }
  throw std::logic_error("an ensemble of parameters has no single value");
}

DrawnScenario UncertainInputs::apply(const World& world) const {
  require(world.levels.size() == inputs_.size(), "a world of other inputs");
  DrawnScenario drawn{.scenario = scenario_, .errors = {}, .price = {}, .accuracy = {}};
  std::map<std::string, std::map<std::string, double>> errors;  // by GPU, by family
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    if (!world.levels[k]) {
      continue;
    }
    const double level = *world.levels[k];
    const UncertainInput& in = inputs_[k];
    switch (in.kind) {
      case InputKind::law:
        errors[in.gpu][in.kernel] = normal_quantile(level);
        break;
      case InputKind::parameters:
        for (HardwareOption& option : drawn.scenario.hardware) {
          if (option.profile) {
            const models::Profile profile =
                models::draw_profile(*option.profile, [&](std::size_t law, std::size_t i) {
                  RandomStream fit(
                      scenario_.seed, "fits of " + option.profile->id,
                      {static_cast<std::int64_t>(world.member), static_cast<std::int64_t>(law)});
                  return normal_quantile(unit_interval(fit.at(i)));
                });
            option.laws = models::make_cost_laws(option.gpu, option.fabric, &option.uplink,
                                                 &profile, option.request);
          }
        }
        break;
      case InputKind::jitter:
        drawn.scenario.engine.jitter = value(k, level);
        break;
      case InputKind::routing:
        drawn.scenario.routing =
            skewed(scenario_.routing, scenario_.workload.routing, value(k, level), scenario_.router,
                   scenario_.experts_kept, scenario_.seed);
        break;
      case InputKind::accuracy:
        drawn.accuracy[in.experts_kept] =
            value(k, level) - scenario_.accuracy->at(in.experts_kept)->value;
        break;
      case InputKind::price:
        drawn.price[in.gpu] = value(k, level);
        break;
    }
  }
  for (const HardwareOption& option : drawn.scenario.hardware) {
    drawn.errors.emplace_back(errors[option.gpu.id]);
  }
  return drawn;
}

}  // namespace moeplan::sim
