#pragma once
// What `moeplan inspect hardware X` prints of a GPU, a node or a fabric: every field with its unit
// and source, and what follows from them (machine balance, what a node's links give each GPU).

#include <string>

#include "app/inspect_page.hpp"

namespace moeplan::app {

// Throws: InputError E_VALUE for an unknown id, listing all GPUs, nodes and fabrics.
Page inspect_hardware(const std::string& id);

}  // namespace moeplan::app
