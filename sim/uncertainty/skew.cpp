#include "sim/uncertainty/skew.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "sim/engine/random_stream.hpp"

namespace moeplan::sim {
namespace {

double probability(double log_odds) { return 1.0 / (1.0 + std::exp(-log_odds)); }

// [experts], inclusion probabilities with log-odds times `power` plus what keeps their sum.
std::vector<double> sharpened(const std::vector<double>& inclusion, double top_k, double power) {
  std::vector<double> log_odds;
  for (const double q : inclusion) {
    // An expert that no token ever used, or all did, stays so.
    const double inside = std::clamp(q, 1e-15, 1.0 - 1e-15);
    log_odds.push_back(power * std::log(inside / (1.0 - inside)));
  }
  const auto [least, most] = std::minmax_element(log_odds.begin(), log_odds.end());
  const auto sum = [&](double shift) {
    double total = 0.0;
    for (const double odds : log_odds) {
      total += probability(odds + shift);
    }
    return total;
  };
  double low = -*most - 50.0;
  double high = -*least + 50.0;
  for (int i = 0; i < 200 && high - low > 1e-13 * std::max(1.0, std::abs(high)); ++i) {
    const double middle = 0.5 * (low + high);
    (sum(middle) < top_k ? low : high) = middle;
  }
  std::vector<double> result;
  for (const double odds : log_odds) {
    result.push_back(probability(odds + low));
  }
  return result;
}

models::ModelRouting sharpened(const models::ModelRouting& routing, double power) {
  std::map<const models::Routing*, std::shared_ptr<const models::Routing>> made;
  std::vector<std::shared_ptr<const models::Routing>> layers;
  for (std::size_t i = 0; i < routing.layers(); ++i) {
    const models::Routing& layer = routing.layer(i);
    auto& found = made[&layer];
    if (!found) {
      found = std::make_shared<const models::Routing>(models::Routing::from_inclusion(
          sharpened(layer.inclusion(), static_cast<double>(layer.top_k()), power), layer.top_k()));
    }
    layers.push_back(found);
  }
  return models::ModelRouting(std::move(layers));
}

}  // namespace

std::string skew_unit(RoutingDistribution distribution) {
  switch (distribution) {
    case RoutingDistribution::uniform:
    case RoutingDistribution::power_law:
      return "alpha of a power law";
    case RoutingDistribution::dirichlet:
      return "concentration";
    case RoutingDistribution::measured:
      return "x log-odds of the experts";
  }
  throw std::logic_error("unknown distribution");
}

double skew_at(const ExpertRouting& routing, double spread, double level) {
  switch (routing.distribution) {
    case RoutingDistribution::uniform:
    case RoutingDistribution::power_law: {
      const double least = std::max(0.0, routing.alpha - spread);
      return least + (routing.alpha + spread - least) * level;
    }
    case RoutingDistribution::dirichlet:
      return std::clamp(routing.concentration * std::exp(-spread * normal_quantile(level)), 0.01,
                        1e6);
    case RoutingDistribution::measured:
      return std::exp(spread * normal_quantile(level));
  }
  throw std::logic_error("unknown distribution");
}

models::RoutedModel skewed(const models::RoutedModel& routing, const ExpertRouting& how,
                           double skew, models::RouterMode mode,
                           const std::vector<std::int64_t>& kept, std::uint64_t seed) {
  const std::vector<models::RoutedLayer>& layers = routing.layers();
  const auto unpruned = [&] {
    switch (how.distribution) {
      case RoutingDistribution::uniform:
      case RoutingDistribution::power_law:
        return models::ModelRouting::power_law(layers, skew);
      case RoutingDistribution::dirichlet:
        return models::ModelRouting::dirichlet(layers, skew, seed);
      case RoutingDistribution::measured:
        return sharpened(routing.unpruned(), skew);
    }
    throw std::logic_error("unknown distribution");
  };
  return models::RoutedModel(layers, unpruned(), mode, kept);
}

}  // namespace moeplan::sim
