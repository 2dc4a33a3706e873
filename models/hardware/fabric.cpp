#include "models/hardware/fabric.hpp"

#include <algorithm>

namespace moeplan::models {

const std::vector<std::string>& fabric_kind_names() {
  static const std::vector<std::string> names = {"nvlink", "pcie", "shared_memory", "infiniband",
                                                 "ethernet"};
  return names;
}

std::string_view name_of(Fabric::Kind kind) {
  return fabric_kind_names()[static_cast<std::size_t>(kind)];
}

std::optional<Fabric::Kind> fabric_kind_from(std::string_view name) {
  const std::vector<std::string>& names = fabric_kind_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    return std::nullopt;
  }
  return static_cast<Fabric::Kind>(found - names.begin());
}

}  // namespace moeplan::models
