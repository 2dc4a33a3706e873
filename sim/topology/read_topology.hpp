#pragma once
// A topology that the user drew, as YAML:
//
//   schema: moeplan.topology
//   schema_version: 1
//   ranks: 4                  # must be nodes x gpus_per_node: the drawing is the cluster meant
//   gpus_per_node: 2
//   nodes: [a, b]             # GPUs are a/gpu0, a/gpu1, b/gpu0, b/gpu1, and devices in that order
//   switches:                 # everything that is not a GPU
//     - {name: a/switch, kind: nvswitch}
//     - {name: core, kind: spine}
//   links:                    # both directions, each with this bandwidth, unless one_way: true
//     - {from: a/gpu0, to: a/switch, bandwidth: 450 GB/s, latency: 0.2 us}

#include <filesystem>

#include "models/text/node.hpp"
#include "sim/topology/topology.hpp"

namespace moeplan::sim {

struct DrawnCluster {
  Topology topology;
  int gpus_per_node = 0;
};

// Throws: InputError with all problems of the file: as models/text's readers, and names that are
// not unique, links that end nowhere, at themselves, without bandwidth or twice, ranks that are
// not nodes x gpus_per_node, and GPUs without a path between them; each names the nodes meant.
DrawnCluster read_topology(const std::filesystem::path& path);
DrawnCluster read_topology(const text::Document& document);

}  // namespace moeplan::sim
