#include "models/hardware/node.hpp"

namespace moeplan::models {

Node usual_node(const Gpu& gpu, const Fabric& uplink) {
  Node node;
  node.id = gpu.id;
  node.name = gpu.name;
  node.gpu = gpu.id;
  node.gpus = gpu.gpus_per_node;
  node.fabric = gpu.fabric;
  node.uplink = gpu.uplink;
  node.nics = gpu.gpus_per_node;
  node.network = uplink.bandwidth * gpu.gpus_per_node;
  return node;
}

}  // namespace moeplan::models
