#include "sim/topology/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/input_error.hpp"
#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

using Kind = Vertex::Kind;

struct Card {
  VertexId vertex;
  int node;
  int rail;
};

class Builder {
 public:
  Builder(const models::Node& node, const models::Fabric& inside, const models::Fabric& between,
          const ClusterShape& shape)
      : node_(node), inside_(inside), between_(between), shape_(shape) {}

  Wiring build() {
    for (int n = 0; n < shape_.nodes; ++n) {
      add_node(n);
    }
    if (shape_.nodes > 1) {
      add_switches();
    }
    return std::move(wiring_);
  }

 private:
  bool is_pcie() const { return inside_.kind == models::Fabric::Kind::pcie; }
  int cards() const { return std::min(node_.nics, node_.gpus); }
  BytesPerSecond card_rate() const { return node_.network / cards(); }

  void add_node(int n) {
    const std::string prefix = fmt::format("node{}/", n);
    std::vector<VertexId> gpus;
    for (int i = 0; i < node_.gpus; ++i) {
      gpus.push_back(wiring_.add(Kind::gpu, fmt::format("{}gpu{}", prefix, i)));
    }
    const Seconds half = inside_.latency / 2.0;
    if (!is_pcie()) {
      const bool nvlink = inside_.kind == models::Fabric::Kind::nvlink;
      const VertexId middle = wiring_.add(nvlink ? Kind::nvswitch : Kind::memory,
                                          prefix + (nvlink ? "nvswitch" : "memory"));
      for (const VertexId gpu : gpus) {
        wiring_.connect(gpu, middle, inside_.bandwidth, half);
      }
    }
    if (!is_pcie() && shape_.nodes == 1) {
      return;
    }
    std::vector<VertexId> switches;
    std::vector<int> gpus_on(static_cast<std::size_t>(cards()), 0);
    for (int i = 0; i < cards(); ++i) {
      switches.push_back(wiring_.add(Kind::pcie_switch, fmt::format("{}pcie{}", prefix, i)));
    }
    for (int i = 0; i < node_.gpus; ++i) {
      const auto at = static_cast<std::size_t>(i * cards() / node_.gpus);
      ++gpus_on[at];
      wiring_.connect(gpus[static_cast<std::size_t>(i)], switches[at],
                      is_pcie() ? inside_.bandwidth : card_rate(), is_pcie() ? half : Seconds(0.0));
    }
    if (is_pcie()) {
      const VertexId bridge = wiring_.add(Kind::host_bridge, prefix + "host_bridge");
      for (std::size_t i = 0; i < switches.size(); ++i) {
        wiring_.connect(switches[i], bridge, inside_.bandwidth * gpus_on[i], Seconds(0.0));
      }
    }
    for (int i = 0; i < cards() && shape_.nodes > 1; ++i) {
      const VertexId card = wiring_.add(Kind::nic, fmt::format("{}nic{}", prefix, i));
      wiring_.connect(switches[static_cast<std::size_t>(i)], card, card_rate(), Seconds(0.0));
      cards_.push_back({card, n, i});
    }
  }

  void add_switches() {
    const int per_leaf = shape_.nodes_per_leaf.value_or(shape_.nodes);
    const int rails = shape_.leaf_per_rail ? cards() : 1;
    const int groups = (shape_.nodes + per_leaf - 1) / per_leaf;
    std::vector<VertexId> leaves;
    for (int i = 0; i < groups * rails; ++i) {
      leaves.push_back(wiring_.add(Kind::leaf, fmt::format("leaf{}", i)));
    }
    // What the GPU's own port does not take of the latency between two GPUs.
    const Seconds own = is_pcie() ? inside_.latency / 2.0 : Seconds(0.0);
    const Seconds port = std::max(Seconds(0.0), between_.latency / 2.0 - own);
    std::vector<int> ports(leaves.size(), 0);
    for (const Card& card : cards_) {
      const auto leaf = static_cast<std::size_t>(card.node / per_leaf * rails +
                                                 (shape_.leaf_per_rail ? card.rail : 0));
      wiring_.connect(card.vertex, leaves[leaf], card_rate(), port);
      ++ports[leaf];
    }
    if (leaves.size() == 1) {
      return;
    }
    const VertexId spine = wiring_.add(Kind::spine, "spine");
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      wiring_.connect(leaves[i], spine, card_rate() * ports[i] / shape_.oversubscription,
                      Seconds(0.0));
    }
  }

  const models::Node& node_;
  const models::Fabric& inside_;
  const models::Fabric& between_;
  const ClusterShape& shape_;
  Wiring wiring_;
  std::vector<Card> cards_;
};

}  // namespace

Topology build_cluster(const models::Node& node, const models::Fabric& inside,
                       const models::Fabric& between, const ClusterShape& shape) {
  require(shape.nodes >= 1 && shape.nodes_per_leaf.value_or(1) >= 1 && shape.oversubscription > 0.0,
          "a cluster has nodes, nodes_per_leaf >= 1 and oversubscription > 0");
  require(node.gpus >= 1 && node.nics >= 1, "a node has at least one GPU and one network card");
  if (inside.max_gpus > 0 && node.gpus > inside.max_gpus) {
    throw InputError(Problem{
        .code = "E_VALUE",
        .file = {},
        .mark = {},
        .pointer = {},
        .what = fmt::format("the fabric {} does not join the GPUs of node {}", inside.id, node.id),
        .got = fmt::format("{} GPUs", node.gpus),
        .expected = fmt::format("at most {}", inside.max_gpus),
        .fix = {}});
  }
  return Topology(Builder(node, inside, between, shape).build());
}

}  // namespace moeplan::sim
