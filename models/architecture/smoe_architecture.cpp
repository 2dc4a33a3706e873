#include "models/architecture/smoe_architecture.hpp"

namespace moeplan::models {

std::vector<std::size_t> SmoeArchitecture::moe_layers() const {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (std::holds_alternative<MoeFfn>(layers[i].ffn)) {
      indices.push_back(i);
    }
  }
  return indices;
}

}  // namespace moeplan::models
