#pragma once
// ExpertRouting: how a scenario says that tokens spread over experts, and the routing models that
// come from it.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"
#include "models/routing/routed_model.hpp"

namespace moeplan::sim {

enum class RoutingDistribution { uniform, power_law, dirichlet, measured };

struct ExpertRouting {
  RoutingDistribution distribution = RoutingDistribution::uniform;
  double alpha = 0.0;          // when power_law
  double concentration = 0.0;  // when dirichlet
  std::filesystem::path file;  // when measured
  std::string sha256;          // of the file's bytes
  std::string task;            // of the file; "" = all
};

// "uniform power_law dirichlet measured".
const std::vector<std::string>& routing_distribution_names();
std::string_view name_of(RoutingDistribution distribution);
// "dirichlet, concentration 1": for people.
std::string describe(const ExpertRouting& routing);

// The MoE layers of an architecture as routing sees them.
std::vector<models::RoutedLayer> routed_layers(const models::SmoeArchitecture& architecture);

// The unpruned model's routing. seed: of dirichlet draws.
// Throws: InputError when the measured file does not suit the layers (routing_counts.hpp).
models::ModelRouting make_routing(const ExpertRouting& routing,
                                  const std::vector<models::RoutedLayer>& layers,
                                  std::uint64_t seed);

}  // namespace moeplan::sim
