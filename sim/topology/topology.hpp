#pragma once
// Topology: the cluster as a directed graph of GPUs, switches and network cards, and the route
// that bytes take from one GPU to another. It knows no time and no traffic: sim/network lets flows
// share its links. Made by cluster.hpp from catalog hardware or by read_topology.hpp from a file.

#include <cstdint>
#include <string>
#include <vector>

#include "models/units/id.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::sim {

using VertexId = Id<struct VertexTag>;
using LinkId = Id<struct LinkTag>;

struct Vertex {
  // memory: what the ranks of a CPU exchange through.
  enum class Kind { gpu, nvswitch, memory, host_bridge, pcie_switch, nic, leaf, spine };
  Kind kind = Kind::gpu;
  std::string name;  // unique: "node0/gpu3"
};

// "gpu nvswitch memory host_bridge pcie_switch nic leaf spine".
const std::vector<std::string>& vertex_kind_names();

// One direction of a connection.
struct Link {
  VertexId source;
  VertexId target;
  BytesPerSecond bandwidth;  // > 0; may be infinite: never in the way
  Seconds latency;           // >= 0
};

// The parts that a topology is made of, in the order they were added: the n-th GPU is device n,
// the n-th link has id n.
class Wiring {
 public:
  VertexId add(Vertex::Kind kind, std::string name);
  // One direction. Throws: std::logic_error for a self-link, bandwidth <= 0 or latency < 0.
  LinkId connect_one_way(VertexId source, VertexId target, BytesPerSecond bandwidth,
                         Seconds latency);
  // Both directions, each with the whole bandwidth (full duplex): first a to b, then b to a.
  void connect(VertexId a, VertexId b, BytesPerSecond bandwidth, Seconds latency);

  const std::vector<Vertex>& vertices() const { return vertices_; }
  const std::vector<Link>& links() const { return links_; }

 private:
  std::vector<Vertex> vertices_;
  std::vector<Link> links_;
};

// Routes are fixed (no adaptive routing): the fewest links; among those the smallest sum of
// 1 / bandwidth, then of latency; then, from the destination back, the smallest link id. GPUs
// forward nothing. Computed once, O(GPUs x links log vertices); immutable after.
class Topology {
 public:
  explicit Topology(Wiring wiring);

  int devices() const { return static_cast<int>(gpus_.size()); }
  const std::vector<Vertex>& vertices() const { return wiring_.vertices(); }
  const std::vector<Link>& links() const { return wiring_.links(); }
  const Link& link(LinkId id) const {
    return wiring_.links()[static_cast<std::size_t>(id.index())];
  }
  const std::string& name_of(VertexId id) const {
    return wiring_.vertices()[static_cast<std::size_t>(id.index())].name;
  }
  VertexId vertex_of(DeviceId device) const {
    return gpus_.at(static_cast<std::size_t>(device.index()));
  }

  bool is_connected(DeviceId from, DeviceId to) const;
  // Links from first to last; none from a GPU to itself.
  // Throws: std::logic_error when there is no path.
  std::vector<LinkId> route(DeviceId from, DeviceId to) const;

 private:
  Wiring wiring_;
  std::vector<VertexId> gpus_;
  // [device x vertex]: the last link of the route from the device; -1: none.
  std::vector<std::int32_t> last_link_;
};

}  // namespace moeplan::sim
