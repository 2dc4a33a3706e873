#pragma once
// The topology of equal nodes behind leaf and spine switches, from catalog hardware.

#include <optional>

#include "models/hardware/fabric.hpp"
#include "models/hardware/node.hpp"
#include "sim/topology/topology.hpp"

namespace moeplan::sim {

struct ClusterShape {
  int nodes = 1;
  std::optional<int> nodes_per_leaf;  // all on one leaf when absent: no spine
  // What a leaf's ports to its nodes carry together / what its links to the spine carry.
  double oversubscription = 1.0;
  // A leaf holds the n-th card of each of its nodes (rail-optimised) instead of all their cards.
  bool leaf_per_rail = false;
};

// Device n is GPU n mod gpus of node n / gpus: "node0/gpu0", "node0/gpu1", ...
//
//   NVLink, shared memory:  gpu -- nvswitch -- gpu         GPU i and card i behind PCIe switch i:
//   PCI Express:            gpu -- pcie -- host bridge -- pcie -- gpu
//   between nodes:          gpu -- pcie -- nic -- leaf (-- spine -- leaf) -- nic -- pcie -- gpu
//
// A link gpu -- nvswitch carries the fabric's rate in each direction; PCIe likewise, and a PCIe
// switch's link to the host bridge what its GPUs carry together (the stated rate is per GPU).
// Cards: `network` shared evenly among min(nics, gpus) of them; more cards than GPUs are bundled,
// and several GPUs share one where there are fewer. The PCIe link to a card carries what the card
// carries (its own rate is nowhere stated, and nodes are built so that it is not less).
// Leaf to spine: the rates of the leaf's cards / oversubscription, as one link (perfect balance
// over its cables); one spine stands for all.
// Latency from GPU to GPU is the fabric's, half of it on each end's port; leaf to spine adds none
// (stated zero: no source).
// Throws: InputError E_VALUE when the fabric joins fewer GPUs than a node has; std::logic_error
// for nodes, nodes_per_leaf < 1 or oversubscription <= 0.
Topology build_cluster(const models::Node& node, const models::Fabric& inside,
                       const models::Fabric& between, const ClusterShape& shape);

}  // namespace moeplan::sim
