#include "sim/topology/read_topology.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kMostGpus = 4096;
constexpr text::Range kMany{.low = 1.0, .high = kMostGpus};

// Names of vertices, each once.
class Names {
 public:
  Names(text::Problems& problems, Wiring& wiring) : problems_(problems), wiring_(wiring) {}

  void add(Vertex::Kind kind, const std::string& name, Mark at, const std::string& pointer) {
    if (!by_name_.emplace(name, wiring_.add(kind, name)).second) {
      problems_.add({.code = "E_DUPLICATE",
                     .mark = at,
                     .pointer = pointer,
                     .what = fmt::format("the name '{}' is not unique", name),
                     .expected = "one name for one node or switch"});
    }
    all_.push_back(name);
  }
  // The vertex that a link's end names; a problem is recorded where there is none.
  std::optional<VertexId> find(text::Reader& link, const std::string& key) {
    const std::string name = link.string(key);
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) {
      return found->second;
    }
    if (!name.empty()) {
      link.problem(key, "E_VALUE", fmt::format("no node or switch is called '{}'", name),
                   "the name of a switch, or NODE/gpuN", did_you_mean(name, all_));
    }
    return std::nullopt;
  }

 private:
  text::Problems& problems_;
  Wiring& wiring_;
  std::map<std::string, VertexId> by_name_;
  std::vector<std::string> all_;
};

// Returns gpus_per_node.
std::int64_t read_gpus(text::Reader& file, Names& names) {
  const std::int64_t ranks = file.count("ranks", kMany);
  const std::int64_t per_node = file.count("gpus_per_node", kMany);
  const text::Node* list = file.node("nodes");
  if (list == nullptr) {
    return per_node;
  }
  if (list->kind != text::Kind::sequence || list->items.empty()) {
    file.problem("nodes", "E_TYPE", "the nodes are not listed", "a list of node names");
    return per_node;
  }
  std::map<std::string, std::size_t> first;
  std::vector<std::string> nodes;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const std::string pointer = fmt::format("/nodes/{}", i);
    const auto name = text::as_string(file.problems(), list->items[i], pointer);
    if (!name) {
      continue;
    }
    nodes.push_back(*name);
    const auto [before, is_new] = first.emplace(*name, i);
    if (!is_new) {
      file.problems().add({.code = "E_DUPLICATE",
                           .mark = list->items[i].mark,
                           .pointer = pointer,
                           .what = fmt::format("the node name '{}' is not unique", *name),
                           .got = fmt::format("nodes {} and {}", before->second, i),
                           .expected = "one name for each node"});
      continue;
    }
    const bool fits = static_cast<std::int64_t>(nodes.size()) * per_node <= kMostGpus;
    for (std::int64_t gpu = 0; fits && gpu < per_node; ++gpu) {
      names.add(Vertex::Kind::gpu, fmt::format("{}/gpu{}", *name, gpu), list->items[i].mark,
                pointer);
    }
  }
  const auto gpus = static_cast<std::int64_t>(nodes.size()) * per_node;
  if (per_node > 0 && ranks != gpus) {
    file.problem("ranks", "E_VALUE",
                 fmt::format("{} ranks do not fill the nodes {}", ranks, joined(nodes)),
                 fmt::format("{} ({} nodes x {} GPUs)", gpus, nodes.size(), per_node));
  }
  return per_node;
}

void read_link(text::Reader link, Names& names, const std::vector<Vertex>& vertices,
               std::set<std::pair<VertexId, VertexId>>& seen, Wiring& wiring) {
  const auto from = names.find(link, "from");
  const auto to = names.find(link, "to");
  const auto bandwidth = link.quantity<kBandwidth>("bandwidth", text::kNonNegative);
  const auto latency = link.quantity<kTime>("latency", text::kNonNegative);
  const bool one_way = link.boolean("one_way", false);
  link.finish();
  if (!from || !to) {
    return;
  }
  const std::string& a = vertices[static_cast<std::size_t>(from->index())].name;
  const std::string& b = vertices[static_cast<std::size_t>(to->index())].name;
  if (from == to) {
    link.problem("to", "E_VALUE", fmt::format("a link from '{}' to itself", a),
                 "two different ends");
    return;
  }
  if (bandwidth <= BytesPerSecond(0.0)) {
    link.problem("bandwidth", "E_RANGE",
                 fmt::format("the link from '{}' to '{}' has no bandwidth", a, b), "> 0 B/s");
    return;
  }
  bool again = !seen.emplace(*from, *to).second;
  if (!one_way) {
    again = !seen.emplace(*to, *from).second || again;
  }
  if (again) {
    link.problem("to", "E_DUPLICATE", fmt::format("a second link from '{}' to '{}'", a, b),
                 "one link, with the bandwidth of all cables together");
    return;
  }
  if (one_way) {
    wiring.connect_one_way(*from, *to, bandwidth, latency);
  } else {
    wiring.connect(*from, *to, bandwidth, latency);
  }
}

// Records every vertex without links and the first GPU that does not reach all others.
void check_connected(const Topology& topology, text::Reader& file) {
  std::set<VertexId> linked;
  for (const Link& link : topology.links()) {
    linked.insert({link.source, link.target});
  }
  for (std::size_t v = 0; v < topology.vertices().size(); ++v) {
    if (linked.count(VertexId(static_cast<std::int32_t>(v))) == 0 && topology.devices() > 1) {
      file.problem(
          "links", "E_VALUE",
          fmt::format("'{}' is disconnected: no link ends there", topology.vertices()[v].name));
    }
  }
  for (int from = 0; from < topology.devices(); ++from) {
    std::vector<std::string> missed;
    for (int to = 0; to < topology.devices(); ++to) {
      if (!topology.is_connected(DeviceId(from), DeviceId(to))) {
        missed.push_back(topology.name_of(topology.vertex_of(DeviceId(to))));
      }
    }
    if (!missed.empty()) {
      file.problem(
          "links", "E_VALUE",
          fmt::format("disconnected: no path from '{}' to {}",
                      topology.name_of(topology.vertex_of(DeviceId(from))), joined(missed)),
          "a path of links between any two GPUs (GPUs forward nothing)");
      return;
    }
  }
}

}  // namespace

DrawnCluster read_topology(const std::filesystem::path& path) {
  return read_topology(text::load_yaml(path));
}

DrawnCluster read_topology(const text::Document& document) {
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, "moeplan.topology", 1, 1);
  Wiring wiring;
  Names names(problems, wiring);
  const std::int64_t per_node = read_gpus(file, names);
  if (file.has("switches")) {
    for (text::Reader& entry : file.sections("switches")) {
      const std::string name = entry.string("name");
      const std::string kind = entry.choice("kind", vertex_kind_names());
      entry.finish();
      const std::vector<std::string>& kinds = vertex_kind_names();
      for (std::size_t k = 0; k < kinds.size(); ++k) {
        if (kinds[k] == kind && k > 0) {
          names.add(static_cast<Vertex::Kind>(k), name, entry.mark_of("name"),
                    entry.pointer_of("name"));
        }
      }
      if (kind == kinds.front()) {
        entry.problem("kind", "E_VALUE", "GPUs come from nodes and gpus_per_node",
                      "a kind of switch");
      }
    }
  }
  std::set<std::pair<VertexId, VertexId>> seen;
  if (file.has("links")) {
    for (text::Reader& link : file.sections("links")) {
      read_link(link, names, wiring.vertices(), seen, wiring);
    }
  }
  file.finish();
  problems.throw_if_any();
  Topology topology(std::move(wiring));
  check_connected(topology, file);
  problems.throw_if_any();
  return {std::move(topology), static_cast<int>(per_node)};
}

}  // namespace moeplan::sim
