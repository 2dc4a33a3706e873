#pragma once
// Fabric: what connects GPUs, inside a node or between nodes, by its stated rate. Fitted exchange
// laws (models/latency) replace these figures where there are measurements.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/units/quantity.hpp"

namespace moeplan::models {

struct Fabric {
  enum class Kind { nvlink, pcie, shared_memory, infiniband, ethernet };

  std::string id;  // "nvlink4"
  std::string name;
  Kind kind = Kind::nvlink;
  BytesPerSecond bandwidth;  // one direction, per GPU, as signalled (no protocol loss taken off)
  Seconds latency;           // of a small message between two GPUs
  int max_gpus = 0;          // GPUs in one island of this fabric; 0: no limit stated
  std::map<std::string, std::string> sources;  // field -> document, page or URL, date

  // nvlink, pcie and shared_memory (ranks of a CPU) live inside a node, the others between nodes.
  // RoCE is ethernet.
  bool inside_node() const { return kind != Kind::infiniband && kind != Kind::ethernet; }
};

// "nvlink pcie shared_memory infiniband ethernet".
std::string_view name_of(Fabric::Kind kind);
std::optional<Fabric::Kind> fabric_kind_from(std::string_view name);
const std::vector<std::string>& fabric_kind_names();

}  // namespace moeplan::models
