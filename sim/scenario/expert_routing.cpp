// workload.routing and the placement of experts: read, checked, and made into routing models.

#include "sim/scenario/expert_routing.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/routing/routing_counts.hpp"
#include "models/text/load.hpp"
#include "models/units/require.hpp"
#include "sim/scenario/checker.hpp"

namespace moeplan::sim {

const std::vector<std::string>& routing_distribution_names() {
  static const std::vector<std::string> kNames = {"uniform", "power_law", "dirichlet", "measured"};
  return kNames;
}

std::string_view name_of(RoutingDistribution distribution) {
  return routing_distribution_names()[static_cast<std::size_t>(distribution)];
}

std::string describe(const ExpertRouting& routing) {
  switch (routing.distribution) {
    case RoutingDistribution::uniform:
      return "uniform";
    case RoutingDistribution::power_law:
      return fmt::format("power_law, alpha {}", routing.alpha);
    case RoutingDistribution::dirichlet:
      return fmt::format("dirichlet, concentration {}", routing.concentration);
    case RoutingDistribution::measured:
      return fmt::format("measured, {} (sha256 {}{})", routing.file.filename().string(),
                         routing.sha256.substr(0, 12),
                         routing.task.empty() ? "" : ", task " + routing.task);
  }
  throw std::logic_error("unknown distribution");
}

std::vector<models::RoutedLayer> routed_layers(const models::SmoeArchitecture& architecture) {
  std::vector<models::RoutedLayer> out;
  for (const std::size_t index : architecture.moe_layers()) {
    const auto& moe = std::get<models::MoeFfn>(architecture.layers[index].ffn);
    out.push_back({.index = static_cast<std::int64_t>(index),
                   .experts = moe.experts,
                   .top_k = moe.top_k,
                   .limit = {.groups = moe.router.groups, .kept = moe.router.groups_kept},
                   .gates = {.softmax = moe.router.scoring == models::RouterScoring::softmax,
                             .normalised = moe.router.normalise_top_k}});
  }
  return out;
}

models::ModelRouting make_routing(const ExpertRouting& routing,
                                  const std::vector<models::RoutedLayer>& layers,
                                  std::uint64_t seed) {
  switch (routing.distribution) {
    case RoutingDistribution::uniform:
      return models::ModelRouting::uniform(layers);
    case RoutingDistribution::power_law:
      return models::ModelRouting::power_law(layers, routing.alpha);
    case RoutingDistribution::dirichlet:
      return models::ModelRouting::dirichlet(layers, routing.concentration, seed);
    case RoutingDistribution::measured:
      return models::load_measured_routing(routing.file, layers, routing.task);
  }
  throw std::logic_error("unknown distribution");
}

ExpertRouting read_expert_routing(Checker& check, const ScenarioValues& values,
                                  const std::filesystem::path& scenario) {
  const std::string path = "workload.routing.";
  const std::string name = values.text(path + "distribution");
  ExpertRouting routing;
  while (name_of(routing.distribution) != name) {
    routing.distribution =
        static_cast<RoutingDistribution>(static_cast<int>(routing.distribution) + 1);
  }
  std::vector<std::string> read;
  std::string needed;
  switch (routing.distribution) {
    case RoutingDistribution::uniform:
      break;
    case RoutingDistribution::power_law:
      read = {"alpha"};
      routing.alpha = values.number(path + "alpha");
      break;
    case RoutingDistribution::dirichlet:
      read = {"concentration"};
      needed = "concentration";
      routing.concentration = values.number(path + "concentration");
      break;
    case RoutingDistribution::measured:
      read = {"file", "task"};
      needed = "file";
      routing.task = values.text(path + "task");
      break;
  }
  check.refuse_keys_of_others(path, {"alpha", "concentration", "file", "task"}, read,
                              name + " routing");
  if (!needed.empty() && !values.has(path + needed)) {
    check.problem(path + needed, "E_MISSING", fmt::format("{} routing needs its {}", name, needed),
                  path + needed + (needed == "file" ? ": PATH" : ": NUMBER"));
    return {};
  }
  if (routing.distribution == RoutingDistribution::measured) {
    routing.file = scenario.parent_path() / values.text(path + "file");
    const auto sha256 = check.loaded(path + "file", [&] {
      return *check.inputs().get<std::string>("sha256 of " + routing.file.string(), [&] {
        return text::sha256(text::read_file(routing.file));
      });
    });
    if (!sha256) {
      return {};
    }
    routing.sha256 = *sha256;
  }
  return routing;
}

models::RoutedModel read_routed_model(Checker& check, const ExpertRouting& routing,
                                      const models::SmoeArchitecture& architecture,
                                      models::RouterMode mode,
                                      const std::vector<std::int64_t>& kept, std::uint64_t seed) {
  std::vector<models::RoutedLayer> layers = routed_layers(architecture);
  const std::string path = "workload.routing.";
  if (layers.empty()) {
    if (routing.distribution != RoutingDistribution::uniform) {
      check.problem(path + "distribution", "E_VALUE",
                    fmt::format("{} is a dense model: it routes no tokens", architecture.name),
                    "no workload.routing, or a model with experts");
    }
    return {};
  }
  const std::string key =
      routing.distribution == RoutingDistribution::measured ? path + "file" : path + "distribution";
  const bool drawn = routing.distribution == RoutingDistribution::dirichlet;
  std::string what =
      fmt::format("{}, file {} {}, {}, {} kept", describe(routing), routing.file.string(),
                  routing.sha256, models::name_of(mode), fmt::join(kept, " "));
  for (const models::RoutedLayer& layer : layers) {
    what += fmt::format(", {} {} {} {} {} {} {}", layer.index, layer.experts, layer.top_k,
                        layer.limit.groups, layer.limit.kept, layer.gates.softmax,
                        layer.gates.normalised);
  }
  const auto model = check.loaded(key, [&] {
    const auto make = [&] {
      models::ModelRouting unpruned = make_routing(routing, layers, seed);
      return models::RoutedModel(std::move(layers), std::move(unpruned), mode, kept);
    };
    return drawn ? make() : *check.inputs().get<models::RoutedModel>(what, make);
  });
  return model.value_or(models::RoutedModel());
}

std::vector<models::PlacementRule> read_placement(Checker& check, const ScenarioValues& values) {
  std::vector<models::PlacementRule> rules;
  for (const std::string& name : values.texts("parallelism.placement")) {
    rules.push_back(*models::placement_rule_from(name));
  }
  const bool balanced =
      std::find(rules.begin(), rules.end(), models::PlacementRule::balanced) != rules.end();
  const std::vector<std::int64_t> redundant = values.counts("parallelism.redundant_experts");
  for (std::size_t i = 0; i < redundant.size(); ++i) {
    if (redundant[i] > 0 && !balanced) {
      check.item_problem("parallelism.redundant_experts", i, "E_VALUE",
                         "only a balanced placement has copies of experts",
                         "parallelism.placement: balanced");
    }
  }
  return rules;
}

}  // namespace moeplan::sim
