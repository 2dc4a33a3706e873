#pragma once
// How skewed tokens may be routed, by distribution: the number that says so, and the routing with
// another number.

#include <cstdint>
#include <string>
#include <vector>

#include "models/routing/routed_model.hpp"
#include "sim/scenario/expert_routing.hpp"

namespace moeplan::sim {

// "alpha", "concentration", "x log-odds".
std::string skew_unit(RoutingDistribution distribution);

// The number at a level in (0, 1) of its distribution: alpha (of uniform routing: 0) off by up to
// `spread`, never below 0, all equally likely; the concentration, or the factor on log-odds, whose
// logarithm has that standard deviation. Larger is more skewed but for the concentration, whose
// levels are turned round, so that a high level means a high skew everywhere.
double skew_at(const ExpertRouting& routing, double spread, double level);

// The model's routing with that number, at all counts of experts kept: of power_law and uniform, a
// power law; of dirichlet, the same draws of another concentration; of measured, the odds of every
// expert to a power, scaled so that every token still has top_k experts.
models::RoutedModel skewed(const models::RoutedModel& routing, const ExpertRouting& how,
                           double skew, models::RouterMode mode,
                           const std::vector<std::int64_t>& kept, std::uint64_t seed);

}  // namespace moeplan::sim
