#pragma once
// The layering of house.md 2 as data: which folder may include which, and the only places that may
// include third-party headers. ARCHITECTURE.md says why; change both together.

#include <string>
#include <vector>

namespace moeplan::architecture {

// folder: "sim/engine"; the files that lie directly in sim/ (evaluate) are the layer "sim".
// may_include: folders by name; "models/*" = every folder below models. A folder may always include
// itself and models/units.
struct Layer {
  std::string folder;
  std::vector<std::string> may_include;
};

// prefix: how the included name begins, up to its end or a word that goes on ("cuda":
// <cuda_fp16.h>). only: the folders that may include it; empty = all.
struct ThirdParty {
  std::string prefix;
  std::vector<std::string> only;
};

const std::vector<Layer>& layers();
const std::vector<ThirdParty>& third_party();

// The layer of a file ("sim/engine/x.hpp" -> "sim/engine"), or nullptr when no row covers it.
const Layer* layer_of(const std::string& path);

// Whether files of the layer may include a file of the other layer.
bool may_include(const Layer& layer, const Layer& other);

// Folders in a cycle of may_include, or empty: the table itself must be a layering.
std::vector<std::string> find_cycle();

}  // namespace moeplan::architecture
