#pragma once
// Node: one machine as it is rented or bought: how many GPUs of which kind on which fabrics.
// A Gpu names the fabrics of its usual node; a Node is for an instance type that differs from it.

#include <map>
#include <string>

#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::models {

struct Node {
  std::string id;  // "aws-p5.48xlarge"
  std::string name;
  std::string gpu;                             // catalog id
  int gpus = 0;                                // in the machine
  std::string fabric;                          // catalog id of the fabric inside
  std::string uplink;                          // catalog id of the fabric between such nodes
  int nics = 0;                                // network cards for traffic between nodes
  BytesPerSecond network;                      // of all of them together, one direction
  std::map<std::string, std::string> sources;  // field -> document, page or URL, date
};

// The usual node of a GPU: gpus_per_node of them, one network card each.
Node usual_node(const Gpu& gpu, const Fabric& uplink);

}  // namespace moeplan::models
