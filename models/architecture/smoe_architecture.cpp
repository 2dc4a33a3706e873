#include "models/architecture/smoe_architecture.hpp"

#include <fmt/format.h>

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

std::optional<std::string> SmoeArchitecture::why_not_served() const {
  if (!encoder_decoder()) {
    return std::nullopt;
  }
  return fmt::format(
      "{} ({}) is an encoder-decoder: layers 0 to {} read the source once, the other {} write the "
      "answer with cross-attention; serving is modelled for decoder-only models. Its parameters "
      "and "
      "bytes are counted",
      name, model_type, encoder_layers - 1, layers.size() - encoder_layers);
}

}  // namespace moeplan::models
