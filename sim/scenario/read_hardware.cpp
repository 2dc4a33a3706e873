// Hardware of a scenario: GPUs in their usual or named nodes, with fabrics and cost laws.

#include <fmt/format.h>

#include <algorithm>

#include "models/catalog/catalog.hpp"
#include "models/latency/profile.hpp"
#include "models/text/load.hpp"
#include "sim/scenario/checker.hpp"
#include "sim/topology/read_topology.hpp"

namespace moeplan::sim {
namespace {

// The profile that hardware.profile means for a GPU; nullopt when the data sheet is to serve. A
// profile of another GPU among hardware.gpu (a loaner's beside the present fleet) is not meant.
// own: whether it is the user's, and not the catalog's.
std::optional<models::Profile> read_profile(const ScenarioValues& values, const std::string& gpu,
                                            const std::filesystem::path& scenario, bool& own) {
  const std::string name = values.text("hardware.profile");
  own = false;
  if (name == "datasheet") {
    return std::nullopt;
  }
  if (name != "catalog") {
    models::Profile profile = models::load_profile(models::profile_path(resolved(name, scenario)));
    const std::vector<std::string> listed = values.texts("hardware.gpu");
    if (profile.hardware == gpu ||
        std::find(listed.begin(), listed.end(), profile.hardware) == listed.end()) {
      own = is_path(name);
      return profile;
    }
  }
  const std::vector<std::string> ids = models::catalog_ids("profiles");
  if (std::find(ids.begin(), ids.end(), gpu) == ids.end()) {
    return std::nullopt;
  }
  return models::load_profile(models::profile_path(gpu));
}

// A profile and the laws that were chosen from it.
struct FittedLaws {
  std::shared_ptr<const models::Profile> profile;  // nullptr: data-sheet laws only
  bool as_served = true;
  models::CostLaws laws;
};

// The option of a GPU in a node, or in its usual one.
std::optional<HardwareOption> read_option(Checker& check, const ScenarioValues& values,
                                          const std::filesystem::path& path, models::Gpu gpu,
                                          std::size_t item, const models::Node* node,
                                          models::LawRequest request) {
  if (node != nullptr) {
    request.other_fabric = node->fabric != gpu.fabric;
    gpu.fabric = node->fabric;
    gpu.uplink = node->uplink;
    gpu.gpus_per_node = node->gpus;
  }
  const auto fabric = [&](const std::string& id, const char* what) {
    return check.loaded(
        "hardware.gpu", item,
        [&] {
          return *check.inputs().get<models::Fabric>(id, [&] { return models::load_fabric(id); });
        },
        what + gpu.id);
  };
  const auto inside = fabric(gpu.fabric, "fabric of ");
  const auto uplink = fabric(gpu.uplink, "uplink of ");
  if (!inside || !uplink) {
    return std::nullopt;
  }
  // Of the GPU's file and node, of the profile and who else may be meant by it, of the request.
  const std::string key = fmt::format(
      "{} in {}: {} of {}, {} {} {}", resolved(values.texts("hardware.gpu")[item], path),
      node == nullptr ? "" : node->id, resolved(values.text("hardware.profile"), path),
      fmt::join(values.texts("hardware.gpu"), " "), models::name_of(request.weights),
      models::name_of(request.experts), models::name_of(request.plain));
  auto known = check.loaded("hardware.profile", [&] {
    return *check.inputs().get<FittedLaws>(key, [&] {
      std::shared_ptr<const models::Profile> profile;
      bool own = false;
      if (auto found = read_profile(values, gpu.id, path, own)) {
        profile = std::make_shared<const models::Profile>(std::move(*found));
      }
      models::LawRequest asked = request;
      asked.as_served = !own;
      return FittedLaws{profile, asked.as_served,
                        models::make_cost_laws(gpu, *inside, &*uplink, profile.get(), asked)};
    });
  });
  if (!known) {
    return std::nullopt;
  }
  request.as_served = known->as_served;
  models::Node machine = node == nullptr ? models::usual_node(gpu, *uplink) : *node;
  return HardwareOption{.gpu = std::move(gpu),
                        .fabric = *inside,
                        .uplink = *uplink,
                        .laws = std::move(known->laws),
                        .node = node == nullptr ? "" : node->id,
                        .machine = std::move(machine),
                        .profile = std::move(known->profile),
                        .request = request};
}

}  // namespace

std::vector<HardwareOption> read_hardware(Checker& check, const ScenarioValues& values,
                                          const std::filesystem::path& path,
                                          const models::LawRequest& request) {
  const std::vector<std::string> ids = values.texts("hardware.gpu");
  std::vector<models::Node> nodes;
  const std::vector<std::string> named = values.texts("hardware.node");
  for (std::size_t i = 0; i < named.size(); ++i) {
    const auto node = check.loaded("hardware.node", i, [&] {
      return *check.inputs().get<models::Node>(named[i],
                                               [&] { return models::load_node(named[i]); });
    });
    if (node && std::find(ids.begin(), ids.end(), node->gpu) == ids.end()) {
      check.item_problem(
          "hardware.node", i, "E_VALUE",
          fmt::format("{} holds {}, which is not among hardware.gpu", node->id, node->gpu),
          "a node of " + joined(ids));
    } else if (node) {
      nodes.push_back(*node);
    }
  }
  std::vector<HardwareOption> options;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto gpu = check.loaded("hardware.gpu", i, [&] {
      const std::string name = resolved(ids[i], path);
      return *check.inputs().get<models::Gpu>(name, [&] { return models::load_gpu(name); });
    });
    if (!gpu) {
      continue;
    }
    bool placed = false;
    for (const models::Node& node : nodes) {
      if (node.gpu == gpu->id) {
        placed = true;
        if (auto option = read_option(check, values, path, *gpu, i, &node, request)) {
          options.push_back(std::move(*option));
        }
      }
    }
    if (!placed) {
      if (auto option = read_option(check, values, path, *gpu, i, nullptr, request)) {
        options.push_back(std::move(*option));
      }
    }
  }
  return options;
}

std::string NetworkOptions::text() const {
  if (!flows) {
    return "exchange laws";
  }
  const std::string leaves = topology != nullptr ? "as drawn in " + topology_source
                             : nodes_per_leaf
                                 ? fmt::format("leaves of {} nodes, oversubscribed {:g} times",
                                               *nodes_per_leaf, oversubscription)
                                 : std::string("all nodes on one leaf");
  return "exchange laws, dispatch and combine stretched by flows that share the links of the "
         "cluster max-min fairly (" +
         leaves + "); other collectives by their laws, which know no leaves";
}

namespace {

void read_drawn_topology(Checker& check, const ScenarioValues& values,
                         const std::vector<HardwareOption>& hardware,
                         const std::filesystem::path& path, NetworkOptions& network) {
  constexpr const char* kKey = "hardware.topology";
  const std::string file = resolved(values.text(kKey), path);
  auto drawn = check.loaded(kKey, [&] { return read_topology(std::filesystem::path(file)); });
  if (!drawn) {
    return;
  }
  for (const HardwareOption& option : hardware) {
    if (option.machine.gpus != drawn->gpus_per_node) {
      check.problem(kKey, "E_VALUE",
                    fmt::format("it draws nodes of {} GPUs, and {} has {}", drawn->gpus_per_node,
                                option.label(), option.machine.gpus),
                    "gpus_per_node of the hardware that is planned on");
    }
  }
  for (const std::int64_t gpus : values.counts("hardware.gpus")) {
    if (gpus > drawn->topology.devices()) {
      check.problem(
          "hardware.gpus", "E_VALUE",
          fmt::format("an engine of {} GPUs on a topology of {}", gpus, drawn->topology.devices()),
          "engines that fit what hardware.topology draws");
    }
  }
  for (const char* key : {"hardware.nodes_per_leaf", "hardware.oversubscription"}) {
    if (values.given(key)) {
      check.problem(key, "E_VALUE", "hardware.topology draws the leaves already", "one of the two");
    }
  }
  if (values.given("parallelism.disaggregation.decode_engines") ||
      values.given("parallelism.disaggregation.prefill_engines")) {
    check.problem(kKey, "E_VALUE", "KV transfers between pools are not placed on a drawn topology",
                  "disaggregation with hardware.nodes_per_leaf and hardware.oversubscription");
  }
  network.topology = std::make_shared<const Topology>(std::move(drawn->topology));
  network.topology_source = fmt::format("{} (sha256 {})", values.text(kKey),
                                        text::sha256(text::read_file(file)).substr(0, 12));
}

}  // namespace

NetworkOptions read_network(Checker& check, const ScenarioValues& values,
                            const std::vector<HardwareOption>& hardware,
                            const std::filesystem::path& path) {
  NetworkOptions network;
  network.flows = values.text("hardware.network") == "flows";
  network.oversubscription = values.number("hardware.oversubscription");
  if (values.has("hardware.nodes_per_leaf")) {
    network.nodes_per_leaf = static_cast<int>(values.count("hardware.nodes_per_leaf"));
  }
  for (const char* key :
       {"hardware.oversubscription", "hardware.nodes_per_leaf", "hardware.topology"}) {
    if (values.given(key) && !network.flows) {
      check.problem(key, "E_VALUE", "the laws know no leaf and spine switches",
                    "hardware.network: flows");
    }
  }
  if (values.given("hardware.topology")) {
    read_drawn_topology(check, values, hardware, path, network);
    return network;
  }
  if (network.oversubscription > 1.0 && !network.nodes_per_leaf) {
    check.problem("hardware.oversubscription", "E_VALUE",
                  "all nodes are on one leaf, which has no links to a spine",
                  "hardware.nodes_per_leaf: how many nodes share a leaf");
  }
  return network;
}

}  // namespace moeplan::sim
