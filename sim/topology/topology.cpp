#include "sim/topology/topology.hpp"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <limits>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// Length of a path. Sums run from the source on, so equal paths have equal bits.
struct Cost {
  int links = 0;
  double inverse_bandwidth = 0.0;
  double latency = 0.0;

  friend bool operator<(const Cost& a, const Cost& b) {
    if (a.links != b.links) {
      return a.links < b.links;
    }
    return a.inverse_bandwidth != b.inverse_bandwidth ? a.inverse_bandwidth < b.inverse_bandwidth
                                                      : a.latency < b.latency;
  }
  friend bool operator==(const Cost&, const Cost&) = default;
};

constexpr Cost kFar{.links = std::numeric_limits<int>::max()};

Cost longer(const Cost& path, const Cost& link) {
  if (path == kFar) {
    return kFar;
  }
  return {path.links + link.links, path.inverse_bandwidth + link.inverse_bandwidth,
          path.latency + link.latency};
}

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property,
                                    boost::property<boost::edge_weight_t, Cost>>;

// Lets edges through that leave the source of the search or something that forwards.
struct Forwarding {
  const Graph* graph = nullptr;
  const std::vector<Vertex>* vertices = nullptr;
  std::size_t source = 0;

  bool operator()(const Graph::edge_descriptor& edge) const {
    const std::size_t from = boost::source(edge, *graph);
    return from == source || (*vertices)[from].kind != Vertex::Kind::gpu;
  }
};

std::size_t index(VertexId id) { return static_cast<std::size_t>(id.index()); }

}  // namespace

const std::vector<std::string>& vertex_kind_names() {
  static const std::vector<std::string> names = {"gpu",         "nvswitch", "memory", "host_bridge",
                                                 "pcie_switch", "nic",      "leaf",   "spine"};
  return names;
}

VertexId Wiring::add(Vertex::Kind kind, std::string name) {
  vertices_.push_back({kind, std::move(name)});
  return VertexId(static_cast<std::int32_t>(vertices_.size()) - 1);
}

LinkId Wiring::connect_one_way(VertexId source, VertexId target, BytesPerSecond bandwidth,
                               Seconds latency) {
  require(source != target, "a link must join two different vertices");
  require(bandwidth > BytesPerSecond(0.0), "a link needs a bandwidth > 0");
  require(latency >= Seconds(0.0), "a link needs a latency >= 0");
  links_.push_back({source, target, bandwidth, latency});
  return LinkId(static_cast<std::int32_t>(links_.size()) - 1);
}

void Wiring::connect(VertexId a, VertexId b, BytesPerSecond bandwidth, Seconds latency) {
  connect_one_way(a, b, bandwidth, latency);
  connect_one_way(b, a, bandwidth, latency);
}

Topology::Topology(Wiring wiring) : wiring_(std::move(wiring)) {
  const std::size_t count = vertices().size();
  for (std::size_t v = 0; v < count; ++v) {
    if (vertices()[v].kind == Vertex::Kind::gpu) {
      gpus_.emplace_back(static_cast<std::int32_t>(v));
    }
  }
  Graph graph(count);
  std::vector<Cost> costs;
  for (const Link& link : links()) {
    costs.push_back({1, 1.0 / link.bandwidth.value(), in_seconds(link.latency)});
    boost::add_edge(index(link.source), index(link.target), costs.back(), graph);
  }
  last_link_.assign(gpus_.size() * count, -1);
  std::vector<Cost> distance(count);
  for (std::size_t device = 0; device < gpus_.size(); ++device) {
    const std::size_t source = index(gpus_[device]);
    const boost::filtered_graph<Graph, Forwarding> reachable(graph, {&graph, &vertices(), source});
    boost::dijkstra_shortest_paths(reachable, source,
                                   boost::distance_map(distance.data())
                                       .distance_compare(std::less<Cost>())
                                       .distance_combine(&longer)
                                       .distance_inf(kFar)
                                       .distance_zero(Cost{}));
    // Of equal paths the smallest link id: independent of the order in which the heap relaxes.
    for (std::size_t id = links().size(); id-- > 0;) {
      const std::size_t from = index(links()[id].source);
      const std::size_t to = index(links()[id].target);
      const bool forwards = from == source || vertices()[from].kind != Vertex::Kind::gpu;
      if (to != source && forwards && distance[from] != kFar &&
          longer(distance[from], costs[id]) == distance[to]) {
        last_link_[device * count + to] = static_cast<std::int32_t>(id);
      }
    }
  }
}

bool Topology::is_connected(DeviceId from, DeviceId to) const {
  const std::size_t row = static_cast<std::size_t>(from.index()) * vertices().size();
  return from == to || last_link_.at(row + index(vertex_of(to))) >= 0;
}

std::vector<LinkId> Topology::route(DeviceId from, DeviceId to) const {
  const std::size_t row = static_cast<std::size_t>(from.index()) * vertices().size();
  const VertexId source = vertex_of(from);
  std::vector<LinkId> links;
  for (VertexId at = vertex_of(to); at != source;) {
    const std::int32_t last = last_link_[row + index(at)];
    require(last >= 0, "no path between the devices");
    links.emplace_back(last);
    at = link(links.back()).source;
  }
  std::reverse(links.begin(), links.end());
  return links;
}

}  // namespace moeplan::sim
